#include "node/identity.hpp"

#include "system/descriptor.hpp"
#include "system/durable_file.hpp"
#include "system/random.hpp"
#include "wire/seal.hpp"

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

namespace starling::node {

namespace {

// The whole of a file:
//
//   starling identity 2
//   node 0123456789abcdef0123456789abcdef
//   generation 1764000000000
//   check 0123456789abcdef0123456789abcdef
//
// Version 1 had no check.
constexpr std::string_view head = "starling identity ";
constexpr std::string_view before_node = "\nnode ";
constexpr std::string_view before_generation = "\ngeneration ";
constexpr std::string_view before_check = "check ";
constexpr std::size_t file_bytes_max = 256;

struct kept {
  membership::node_id node;
  std::uint64_t generation = 0;
};

/// A checksum as a line. Against accidents: there is no secret in it.
std::string check_of(std::string_view text) {
  const auto tag = wire::secret{"", ""}.sign("identity-file", text);
  return std::string{before_check} + wire::to_hex({tag.data(), tag.size()}) + "\n";
}

std::string encode(const kept& k) {
  const auto text = std::string{head} + "2" + std::string{before_node} + to_string(k.node) +
                    std::string{before_generation} + std::to_string(k.generation) + "\n";
  return text + check_of(text);
}

/// What follows the version.
std::optional<kept> decode_body(std::string_view text) {
  kept result;
  if (!text.starts_with(before_node))
    return std::nullopt;
  text.remove_prefix(before_node.size());
  for (auto& byte : result.node.bytes) {
    const auto* end = text.data() + std::min<std::size_t>(text.size(), 2);
    if (const auto read = std::from_chars(text.data(), end, byte, 16);
        read.ec != std::errc{} || read.ptr != end || text.size() < 2)
      return std::nullopt;
    text.remove_prefix(2);
  }
  if (!text.starts_with(before_generation) || !text.ends_with('\n'))
    return std::nullopt;
  text.remove_prefix(before_generation.size());
  text.remove_suffix(1);
  const auto* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, result.generation);
  if (read.ec != std::errc{} || read.ptr != end || result.generation >= membership::generation_max)
    return std::nullopt;
  return result.node != membership::node_id{} ? std::optional{result} : std::nullopt;
}

std::optional<kept> decode(std::string_view text) {
  if (!text.starts_with(head) || text.size() <= head.size())
    return std::nullopt;
  const auto version = text[head.size()];
  const auto body = text.substr(head.size() + 1);
  if (version == '1')
    return decode_body(body);
  const auto check = text.rfind(before_check);
  if (version != '2' || check == std::string_view::npos ||
      check_of(text.substr(0, check)) != text.substr(check))
    return std::nullopt;
  return decode_body(body.substr(0, check - head.size() - 1));
}

/// Whether a text that cannot be read is one of ours that was damaged: cut, zeroed, or with some
/// bits flipped. Some of its words are there, then.
bool may_be_ours(std::string_view text) {
  if (text.size() > file_bytes_max)
    return false;
  text = text.substr(0, text.find_last_not_of('\0') + 1);
  const bool is_cut = head.starts_with(text); // to nothing, too
  return is_cut || text.find("starling") != std::string_view::npos ||
         text.find("identity") != std::string_view::npos ||
         text.find(before_generation) != std::string_view::npos;
}

/// Whether it was written by a later version.
bool is_later(std::string_view text) {
  if (!text.starts_with(head) || text.size() <= head.size())
    return false;
  const auto version = text[head.size()];
  // Unless it is ours but for that.
  auto second = std::string{text};
  second[head.size()] = '2';
  auto first = std::string{text};
  first[head.size()] = '1';
  return version >= '3' && version <= '9' && !decode(second) && !decode(first);
}

/// The text of a file; nothing if there is none. Throws nothing; `error` says what failed.
std::optional<std::string> read(const std::string& path, int& error) {
  error = 0;
  const system::descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
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

/// Gives a damaged file another name, in place of an earlier one. 0, or the number of the error.
int set_aside(const std::string& path) {
  return ::rename(path.c_str(), (path + ".damaged").c_str()) == 0 ? 0 : errno;
}

} // namespace

identity draw_identity() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
  const auto started = static_cast<std::uint64_t>(std::max<decltype(ms)>(ms, 1));
  return {membership::node_id::from(system::random_bits(), system::random_bits()),
          membership::session_id{system::random_bits()},
          crdt::replica_id::from(system::random_bits(), system::random_bits()),
          started,
          started,
          0,
          ""};
}

namespace {

struct next_life {
  identity who;
  bool is_damaged = false; // the file is
};

/// The one that the file goes on with; with generation 0 before it if the file names none.
wire::result<next_life, std::string> next_identity(const std::string& file,
                                                   std::chrono::milliseconds tolerated) {
  auto result = draw_identity();
  bool is_damaged = false;
  int error = 0;
  const auto text = read(file, error);
  if (error != 0)
    return "cannot read " + file + ": " + std::strerror(error);
  if (text) {
    const auto before = decode(*text);
    if (!before && (is_later(*text) || !may_be_ours(*text)))
      return file + (is_later(*text) ? " is of a later version" : " is no identity file") +
             "; move it away to start as a new node";
    is_damaged = !before;
    if (!before) {
      result.warning = file + " is damaged; ";
    } else if (before->generation > result.started &&
               before->generation - result.started >
                   static_cast<std::uint64_t>(tolerated.count())) {
      result.warning =
          "node " + to_string(before->node) + " last started at " +
          std::to_string(before->generation) +
          " ms since 1970, which is more than swim.clock-tolerance ahead of the clock, "
          "now " +
          std::to_string(result.started) + ", so others would refuse it; ";
    } else {
      result.node = before->node;
      result.generation = std::max(before->generation + 1, result.started);
      result.last_generation = before->generation;
    }
    if (!result.warning.empty())
      result.warning += "this is node " + to_string(result.node) + " from now on";
  }
  return next_life{std::move(result), is_damaged};
}

} // namespace

wire::result<identity, std::string> adopt_identity(const std::string& file,
                                                   std::chrono::milliseconds tolerated) {
  auto next = next_identity(file, tolerated);
  if (!next)
    return std::move(next).error();
  auto& [who, is_damaged] = *next;
  if (is_damaged) {
    if (const auto failed = set_aside(file))
      return "cannot rename " + file + ": " + std::strerror(failed);
    who.warning += "; the file is kept as " + file + ".damaged";
  }
  if (auto failure = keep_identity(file, who.node, who.generation))
    return std::move(*failure);
  return std::move(who);
}

wire::result<identity, std::string> look_up_identity(const std::string& file,
                                                     std::chrono::milliseconds tolerated) {
  auto next = next_identity(file, tolerated);
  if (!next)
    return std::move(next).error();
  auto& who = next->who;
  if (who.last_generation == 0 && who.warning.empty())
    return "there is no " + file + ", and no room to make one";
  return std::move(who);
}

std::optional<std::string> keep_identity(const std::string& file, const membership::node_id& node,
                                         std::uint64_t generation) {
  if (const auto failed = system::replace_file(file, encode({node, generation})))
    return "cannot write " + file + ": " + std::strerror(failed->number);
  return std::nullopt;
}

} // namespace starling::node
