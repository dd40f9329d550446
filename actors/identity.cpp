#include "actors/identity.hpp"

#include "actors/random.hpp"
#include "storage/descriptor.hpp"
#include "storage/sync_names.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <optional>
#include <string_view>
#include <sys/types.h>

namespace starling::actors {

namespace {

// The whole of a file:
//
//   starling identity 1
//   node 0123456789abcdef0123456789abcdef
//   generation 1764000000000
constexpr std::string_view head = "starling identity 1\nnode ";
constexpr std::string_view between = "\ngeneration ";
constexpr std::size_t file_bytes_max = 128;

struct kept {
  membership::node_id node;
  std::uint64_t generation = 0;
};

std::string encode(const kept& k) {
  return std::string{head} + to_string(k.node) + std::string{between} +
         std::to_string(k.generation) + "\n";
}

std::optional<kept> decode(std::string_view text) {
  kept result;
  if (!text.starts_with(head))
    return std::nullopt;
  text.remove_prefix(head.size());
  for (auto& byte : result.node.bytes) {
    const auto* end = text.data() + std::min<std::size_t>(text.size(), 2);
    if (const auto read = std::from_chars(text.data(), end, byte, 16);
        read.ec != std::errc{} || read.ptr != end || text.size() < 2)
      return std::nullopt;
    text.remove_prefix(2);
  }
  if (!text.starts_with(between) || !text.ends_with('\n'))
    return std::nullopt;
  text.remove_prefix(between.size());
  text.remove_suffix(1);
  const auto* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, result.generation);
  if (read.ec != std::errc{} || read.ptr != end || result.generation >= membership::generation_max)
    return std::nullopt;
  return result.node != membership::node_id{} ? std::optional{result} : std::nullopt;
}

/// The text of a file; nothing if there is none. Throws nothing; `error` says what failed.
std::optional<std::string> read(const std::string& path, int& error) {
  error = 0;
  const storage::descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (file.number() < 0) {
    error = errno == ENOENT ? 0 : errno;
    return std::nullopt;
  }
  std::string text(file_bytes_max + 1, '\0');
  const auto size = ::read(file.number(), text.data(), text.size());
  if (size < 0) {
    error = errno;
    return std::nullopt;
  }
  text.resize(static_cast<std::size_t>(size));
  return text;
}

int write_draft(const std::string& draft, std::string_view text) {
  const storage::descriptor file{
      ::open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)};
  if (file.number() < 0)
    return errno;
  const auto written = ::write(file.number(), text.data(), text.size());
  if (written >= 0 && static_cast<std::size_t>(written) != text.size())
    return ENOSPC;
  return written < 0 || ::fsync(file.number()) != 0 ? errno : 0;
}

/// Puts a text into place of a file, whole or not at all, and so that it survives a power failure.
/// 0, or the number of the error.
int replace(const std::string& path, std::string_view text) {
  const auto draft = path + ".new";
  if (const auto error = write_draft(draft, text)) {
    ::unlink(draft.c_str()); // an empty file may still take the last room
    return error;
  }
  if (::rename(draft.c_str(), path.c_str()) != 0)
    return errno;
  return storage::sync_names(std::filesystem::path{path}.parent_path());
}

} // namespace

identity draw_identity() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
  const auto started = static_cast<std::uint64_t>(std::max<decltype(ms)>(ms, 1));
  return {membership::node_id::from(random_bits(), random_bits()),
          membership::session_id{random_bits()},
          crdt::replica_id::from(random_bits(), random_bits()), started, started};
}

namespace {

/// The one that the file goes on with; with generation 0 before it if there is no file.
std::variant<identity, std::string> next_identity(const std::string& file) {
  auto result = draw_identity();
  int error = 0;
  const auto text = read(file, error);
  if (error != 0)
    return "cannot read " + file + ": " + std::strerror(error);
  if (text) {
    const auto before = decode(*text);
    if (!before)
      return file + " is no identity file; move it away to start as a new node";
    result.node = before->node;
    result.generation = std::max(before->generation + 1, result.started);
    result.last_generation = before->generation;
  }
  return result;
}

} // namespace

std::variant<identity, std::string> take_up_identity(const std::string& file) {
  auto next = next_identity(file);
  if (const auto* result = std::get_if<identity>(&next))
    if (auto failure = keep_identity(file, result->node, result->generation))
      return std::move(*failure);
  return next;
}

std::variant<identity, std::string> look_up_identity(const std::string& file) {
  auto next = next_identity(file);
  if (const auto* result = std::get_if<identity>(&next); result && result->last_generation == 0)
    return "there is no " + file + ", and no room to make one";
  return next;
}

std::optional<std::string> keep_identity(const std::string& file, const membership::node_id& node,
                                         std::uint64_t generation) {
  if (const auto failed = replace(file, encode({node, generation})))
    return "cannot write " + file + ": " + std::strerror(failed);
  return std::nullopt;
}

} // namespace starling::actors
