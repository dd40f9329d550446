#pragma once

// That a node is not taken for a member, said to itself: why, and what mends it.
//
// A node whose clock is far ahead when it starts, or that is one too many, is no member for the
// others. It could not know: it is asked nothing and told nothing. So who is called by such a node
// answers with a refusal instead of its table, and both remember it for a while, to be shown.

#include "membership/member.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace starling::membership {

enum class refusal_reason : std::uint8_t {
  clock = 1, // its generation is too far ahead of the clock of who refuses
  full = 2,  // there are as many members as who refuses is configured for
  foreign =
      3, // it is of another cluster, key or version; never sent, for nothing can be said to it
};

/// "clock", "members" or "cluster".
std::string_view to_string(refusal_reason r);

struct refusal {
  refusal_reason reason = refusal_reason::clock;
  std::uint64_t clock = 0;      // of who refuses, in milliseconds since 1970
  std::uint64_t generation = 0; // that is refused
  std::uint64_t members = 0;    // that are the most
  std::string name;             // of who refuses; of who is refused in the book of who refuses
  std::string why;              // foreign: what the transport says

  friend bool operator==(const refusal&, const refusal&) = default;
};

/// A sentence without a subject about what is wrong and how it is mended, in the eyes of who is
/// refused or of who refuses.
std::string describe(const refusal& r);

/// An answer to a call that refuses who called.
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
