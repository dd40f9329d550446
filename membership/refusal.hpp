#pragma once

// Tells a node that others take it for no member: why, and what mends that.
//
// A node whose clock was far ahead when it started is no member for the others, nor is one too
// many. Such a node could not know that, for it is asked nothing and told nothing. So a member that
// it calls answers with a refusal instead of a table. Both sides remember the refusal for a while,
// and show it to operators.

#include "membership/member.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace starling::membership {

enum class refusal_reason : std::uint8_t {
  clock = 1,   // the node's generation is too far ahead of the refusing node's clock
  full = 2,    // the refusing node has as many members as it is configured for
  foreign = 3, // another cluster or key, or a version before the first with a range; never sent
  version = 4, // the two speak no version of the protocol in common
};

/// "clock", "members", "cluster" or "version"; for a reason of a later version, "unknown".
std::string_view to_string(refusal_reason r);

struct refusal {
  refusal_reason reason = refusal_reason::clock;
  std::uint64_t clock = 0;       // of the refusing node, in milliseconds since 1970
  std::uint64_t generation = 0;  // the one that is refused
  std::uint64_t members = 0;     // full: how many the refusing node is configured for
  std::string name;              // of the other side
  std::string why;               // foreign: what the transport says
  wire::protocol_range speaks{}; // version: what the refusing node speaks
  wire::protocol_range theirs{}; // version: and the refused one

  friend bool operator==(const refusal&, const refusal&) = default;
};

/// What is wrong and how that is mended: a sentence that fits both sides.
std::string describe(const refusal& r);

/// The answer to a call of a node that is refused; the same in all versions of the protocol.
///
///   2  reason u8  clock  generation  members  name bytes  fields
///   fields (wire/fields.hpp): 1 what the refusing node speaks and what the refused one does, as
///                             two ranges of versions
///
/// A reason of a later version is taken for a refusal like any other.
std::string encode_answer(const refusal& r);

/// The refusal that an answer is; nothing if it is none, or not well-formed.
std::optional<refusal> decode_refusal(std::string_view answer);

/// Refusals by the address of the other side, as long as they are repeated.
class refusals {
public:
  static constexpr std::size_t capacity = 32;

  struct entry {
    refusal what;
    duration since{0};
    duration last{0};
  };

  /// Says whether it is news: of another address, or for another reason than before.
  bool note(const std::string& address, const refusal& what, duration now);

  /// That address is no longer concerned.
  void end(const std::string& address) { entries_.erase(address); }

  void forget_older(duration than) {
    std::erase_if(entries_, [than](const auto& e) { return e.second.last < than; });
  }

  void clear() { entries_.clear(); }

  bool is_empty() const { return entries_.empty(); }
  const std::map<std::string, entry>& entries() const { return entries_; }

private:
  std::map<std::string, entry> entries_;
};

} // namespace starling::membership
