#pragma once

// Finding where two hash trees differ, by messages.
//
// Range-based set reconciliation (Meyer, 2023) on hash trees as in Dynamo and Riak. One side asks,
// the other answers; the one who asks compares. A range whose sums are equal is done with. One that
// differs is split, and since sums can be taken away, of the two halves only the left one's sum
// travels. Where a range holds few entries, what travels is a list of them. In the end the asking
// side knows which of its entries the other lacks or has otherwise (`repair_walk::answered` names
// them) and tells the other side the same of its own (`answer_to` names those): each side then
// sends the states of what was named to it. Names do not travel.
//
// What can be relied on: a walk between two trees that stay as they are names exactly the entries
// that differ or are on one side only, but for accidents of 64 bits. An entry of a list has only 32
// bits; if therefore a list shows no difference where the sums do, all of that range is named (what
// hides beside another difference is found so by the next walk). A tree that changes meanwhile may
// have more named to it, or less; the next walk finds the rest. A walk always ends: each answer
// leads to deeper ranges, to lists, or to nothing.
//
// The answering side keeps nothing between two requests. The asking side keeps the ranges that are
// still open; it works on the deepest ones first. Neither knows sessions: whoever carries the
// messages says between whom the walk is, and that an answer belongs to its request.
//
// No message is larger than the limit that both sides are given; an answer that would be holds only
// the first part of what was asked, and the rest is asked again.
//
// Layout; integers are varints if not said otherwise, `prefixes` are a count, then for each range
// its prefix less (the one before it + 1), ascending:
//
//   request   version u8 (1); depth u8 and levels u8 of what is asked;
//             prefixes of the ranges to be split `levels` times (1 to 8, or 0 if there are none);
//             prefixes of the ranges to be listed;
//             number of groups of wanted entries, each: depth u8, count, and for each range: its
//             prefix as above, the number of items (0: all of the range), the items, u32 each,
//             ascending
//   answer    version u8 (1); 1 and the root, u128, if depth 0 was asked about, else 0;
//             number of sums, and those, u64 each: for each range, in order, of its 2^levels parts
//             all but the last;
//             number of lists, each: 0 if the range holds too many, else 1 + the number of items,
//             and the items, u32 each
//
// uN are N bits, little-endian: of a digest the lowest.

#include "replication/joint_tree.hpp"
#include "wire/bytes.hpp"

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace starling::replication {

/// Bytes of a message, at most. Requires of both sides: at least this.
inline constexpr std::size_t repair_message_bytes_min = 4096;

/// The lowest 32 bits of an entry's digest.
using list_item = std::uint32_t;

/// Entries of one range that the asking side wants.
struct wanted_entries {
  std::uint64_t prefix = 0;
  std::vector<list_item> items; // ascending; if empty, all of the range
  friend bool operator==(const wanted_entries&, const wanted_entries&) = default;
};

/// Ranges of one depth.
struct wanted_group {
  unsigned depth = 0;
  std::vector<wanted_entries> ranges; // by prefix, ascending
  friend bool operator==(const wanted_group&, const wanted_group&) = default;
};

struct repair_request {
  unsigned depth = 0;               // of the ranges asked about
  unsigned levels = 0;              // how often each is to be split
  std::vector<std::uint64_t> split; // prefixes, ascending
  std::vector<std::uint64_t> list;  // prefixes, ascending
  std::vector<wanted_group> wanted;
  friend bool operator==(const repair_request&, const repair_request&) = default;
};

struct repair_answer {
  std::optional<digest> root;
  std::vector<std::uint64_t> sums;
  std::vector<std::optional<std::vector<list_item>>> lists; // nothing: too many to list
  friend bool operator==(const repair_answer&, const repair_answer&) = default;
};

std::string encode(const repair_request& r);
std::string encode(const repair_answer& a);
wire::decoded<repair_request> decode_repair_request(std::string_view bytes);
wire::decoded<repair_answer> decode_repair_answer(std::string_view bytes);

/// Entries of a tree: some by name, and all that are in some ranges. They may be many more than fit
/// into memory twice, so they are handed out bit by bit.
class named_entries {
public:
  named_entries() = default;
  named_entries(std::vector<std::string> names, std::vector<range> ranges)
      : names_(names.begin(), names.end()), ranges_(ranges.begin(), ranges.end()) {}

  void add(named_entries more);
  void add(std::string name) { names_.push_back(std::move(name)); }
  void add(const range& r) { ranges_.push_back(r); }

  bool empty() const { return names_.empty() && ranges_.empty(); }

  /// The next names, about so many; of the ranges, those that the tree has now.
  std::vector<std::string> take_names(const joint_tree& mine, std::size_t most);

private:
  std::deque<std::string> names_;
  std::deque<range> ranges_;
};

/// The answering side: what to answer, and the entries whose states the asking side wants.
struct repair_reply {
  repair_answer answer;
  named_entries wanted;
};

repair_reply answer_to(const repair_request& r, const joint_tree& mine, std::size_t message_bytes);

/// The asking side.
class repair_walk {
public:
  /// Over everything.
  explicit repair_walk(std::size_t message_bytes);

  /// A range, and the sum that the other side has there: its lowest 64 bits.
  struct difference {
    std::uint64_t prefix;
    std::uint64_t theirs;
  };

  /// Over some ranges of one depth that differ, by prefix, ascending. Requires: depth > 0.
  repair_walk(std::size_t message_bytes, unsigned depth, const std::vector<difference>& ranges);

  /// What to ask next; nothing when the walk is over. The same again until its answer is taken.
  const std::optional<repair_request>& next(const joint_tree& mine);

  /// Takes the answer to the request; returns the entries whose states the other side is to be
  /// sent. Nothing, and no change, if this cannot be the answer to that request.
  std::optional<named_entries> answered(const joint_tree& mine, const repair_answer& a);

private:
  /// A range whose sums differ.
  struct open_range {
    std::uint64_t prefix;
    std::uint64_t theirs;  // the sum of the other side, its lowest 64 bits
    bool too_many = false; // for the other side to list
  };

  /// Open ranges of one depth, by prefix.
  struct level {
    unsigned depth;
    bool dense; // almost all of those compared at this depth were different
    std::deque<open_range> ranges;
  };

  void ask(const joint_tree& mine);
  void ask_for_wanted(repair_request& request, std::size_t& room);
  void ask_about(const joint_tree& mine, level& from, repair_request& request, std::size_t& room);
  static bool is_to_list(const open_range& open, unsigned depth, std::size_t count);
  static unsigned levels_for(const joint_tree& mine, const level& from);
  bool fits(const repair_answer& a) const;
  static void compare(const joint_tree& mine, std::uint64_t prefix, std::uint64_t theirs,
                      level& open, wanted_group& wanted, named_entries& names);
  static void compare_lists(const joint_tree& mine, unsigned depth, const open_range& open,
                            std::vector<list_item> theirs, wanted_group& wanted,
                            named_entries& names);

  std::size_t message_bytes_;
  std::vector<level> open_;         // the deepest last
  std::deque<wanted_group> wanted_; // not yet asked for
  std::optional<repair_request> asked_;
  std::vector<open_range> asked_split_; // of the ranges in `asked_`
  std::vector<open_range> asked_list_;
};

} // namespace starling::replication
