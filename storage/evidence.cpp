#include "storage/evidence.hpp"

#include <algorithm>

namespace starling::storage {

namespace {

constexpr std::size_t text_bytes_max = 4096;

// The present life, and the one that is to take its place.
constexpr std::size_t lives_max = 2;

void encode(wire::writer& out, const file_stamp& f) {
  for (const auto x : {f.inode, f.born_ns, f.changed_ns, f.modified_ns, f.device})
    out.varint(x);
}

file_stamp decode_stamp(wire::reader& in) {
  file_stamp result;
  for (auto* x :
       {&result.inode, &result.born_ns, &result.changed_ns, &result.modified_ns, &result.device})
    *x = in.varint();
  return result;
}

bool is_accepted(const std::vector<life>& kept, const std::vector<life>& now) {
  return kept.empty() || std::ranges::any_of(kept, [&](const life& k) {
           return std::ranges::any_of(now, [&](const life& n) { return is_same_life(k, n); });
         });
}

/// Whether something that is known of both differs.
bool differs(const std::string& kept, const std::string& now) {
  return !kept.empty() && !now.empty() && kept != now;
}

} // namespace

std::optional<std::string> difference(const evidence& kept, const evidence& now) {
  if (!is_same_file(kept.format_file, now.format_file) ||
      kept.format_file.modified_ns != now.format_file.modified_ns)
    return "its folder is a copy, or was written over";
  if (!is_accepted(kept.lives, now.lives))
    return "its folder is not as its last life left it";
  if (now.has_copied_log)
    return "some of its files are copies";
  if (differs(kept.address, now.address))
    return "it was " + kept.address + " before, and this may be a clone";
  const bool is_moved = differs(kept.machine, now.machine);
  const bool is_remounted = kept.format_file.device != now.format_file.device;
  const bool is_renamed = differs(kept.path, now.path);
  if (is_moved + is_remounted + is_renamed >= 2)
    return "its volume was moved, or is a clone";
  return std::nullopt;
}

void encode(wire::writer& out, const evidence& kept) {
  encode(out, kept.format_file);
  out.varint(kept.lives.size());
  for (const auto& [word, file] : kept.lives) {
    out.bytes(word);
    encode(out, file);
  }
  for (const auto* text : {&kept.address, &kept.machine, &kept.path})
    out.bytes(std::string_view{*text}.substr(0, text_bytes_max));
}

evidence decode_evidence(wire::reader& in) {
  evidence result;
  result.format_file = decode_stamp(in);
  auto left = in.varint();
  if (left > lives_max)
    in.fail("too many lives");
  for (; left > 0 && in.ok(); --left) {
    auto& one = result.lives.emplace_back();
    one.word = in.bytes(text_bytes_max);
    one.file = decode_stamp(in);
  }
  for (auto* text : {&result.address, &result.machine, &result.path})
    *text = in.bytes(text_bytes_max);
  return result;
}

} // namespace starling::storage
