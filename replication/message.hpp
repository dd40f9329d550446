#pragma once

// What two gossiping nodes say to each other: a message of deltas or states, and its answer, which
// may offer deltas, too (push-pull). The next message says that these were joined.
//
// Both name the session that sends and the session they are meant for. A message for another
// session than the receiver's is not joined, and an answer counts only between the sessions that
// exchanged it: what was acknowledged in an earlier life says nothing about this one.
//
// Repair travels the same way: a message may ask where two nodes, or two states of one key, differ,
// and the answer says so (replication/repair.hpp, replication/row_repair.hpp). Every answer carries
// the digest of all that its sender has. What is larger than a message is cut (fragment).
//
// Both bring what the sender knows of how far each node got, as far as the receiver is not known to
// know it (tallies.hpp). Both say which types of values their sender reads: what is sent and
// compared is of the types that both read (type_set.hpp).
//
// What an item or a field (wire/fields.hpp) says that only a later version knows is skipped.
//
//   message   head: version u8  from u64  to u64  sequence  acknowledged  phase u8
//             fields: 1 types read
//             u8 0 and content, or u8 1 and a fragment
//   content   list of items
//             fields: 1 items mend (empty)  2 request of a walk  3 audit  4 step of comparing a
//             value 5 list of tallies  6 items are early (empty)  7 kept since u64
//   answer    version u8  from u64  to u64  sequence  verdict u8  root u128  offer
//             list of items
//             fields: 2 answer of a walk  3 sums, u64 each  4 fragment of rows  5 list of tallies
//             7 kept since u64  8 types read
//   item      key, value as bytes

#include "crdt/value.hpp"
#include "replication/fragments.hpp"
#include "replication/repair.hpp"
#include "replication/row_repair.hpp"
#include "replication/session.hpp"
#include "replication/tallies.hpp"
#include "replication/type_set.hpp"
#include "wire/bytes.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace starling::replication {

/// The delta or the state of one key.
struct item {
  crdt::key key;
  crdt::value part;
  friend bool operator==(const item&, const item&) = default;
};

/// What an item takes in a message, at most.
inline std::size_t encoded_size(const crdt::key& key, std::string_view bytes) {
  return key.name.size() + bytes.size() + 24;
}

/// An item as it travels.
struct encoded_item {
  crdt::key key;
  std::string bytes;

  /// What it takes in a message, at most.
  std::size_t size() const { return encoded_size(key, bytes); }
  friend bool operator==(const encoded_item&, const encoded_item&) = default;
};

/// The elements of all values together.
std::size_t elements_in(const std::vector<encoded_item>& items);

/// Where in a round a message is.
enum class phase : std::uint8_t {
  goes_on = 0,
  tells = 1, // it begins, with something
  asks = 2,  // it begins, and its sender has nothing to tell
};

/// A step of comparing a large value with rows, by the number that its sender gave the comparison.
struct row_step {
  crdt::key key;
  std::uint64_t number = 0;
  /// Where do we differ? Read so much of your rows, from that byte on. Or: these are mine.
  std::variant<repair_request, std::uint64_t, snapshot_rows> what;
  friend bool operator==(const row_step&, const row_step&) = default;
};

struct message {
  session_id from;
  session_id to;
  std::uint64_t sequence = 0;     // numbers what one session says to others, from 1
  std::uint64_t acknowledged = 0; // the offer of `to` that `from` has joined; 0: none
  replication::phase phase = phase::goes_on;
  std::vector<item> items;
  bool mends = false;    // the items are states that a repair found to differ
  bool is_early = false; // the items are deltas, and not all that came before them was sent
  std::optional<repair_request> walk{};
  std::optional<range> audit{};
  std::optional<row_step> comparison{};
  session_id kept_since{}; // since then the sender has lost nothing of what it had; 0: it may have
  std::vector<tally> tallies{};
  std::optional<fragment> piece{}; // then there is nothing else: all of it is in what was cut
  std::size_t skipped = 0;         // items, of types or formats that the receiver does not read
  std::size_t unknown_fields = 0;  // skipped
  type_set reads = type_set::known();
  std::uint8_t version = wire::spoken.newest; // in which it is written
  friend bool operator==(const message&, const message&) = default;
};

enum class verdict : std::uint8_t {
  joined = 1,        // everything in the message is part of the receiver's state
  other_session = 2, // nothing was joined: `from` is the receiver's present session
  busy = 3,          // nothing was done: something else of that kind is going on
  start_over = 4,    // nothing was done: what the message goes on with is not here
  refused = 5,       // nothing was done, nor ever will be: it is too large, or no message
};

struct answer {
  session_id from;
  session_id to;
  std::uint64_t sequence = 0;
  replication::verdict verdict = verdict::joined;
  std::uint64_t offer = 0; // numbers the items as a message of `from`; 0: there are none
  std::vector<item> items;
  digest root{};                       // of all that `from` has
  std::optional<repair_answer> walk{}; // of keys, or of the rows of one
  std::vector<std::uint64_t> sums{};   // to an audit
  std::optional<fragment> rows{};      // of a value
  session_id kept_since{};             // as of a message
  std::vector<tally> tallies{};
  std::size_t skipped = 0; // as of a message, like the rest
  std::size_t unknown_fields = 0;
  type_set reads = type_set::known();
  std::uint8_t version = wire::spoken.newest;
  friend bool operator==(const answer&, const answer&) = default;
};

/// The items of a message or answer are given encoded: `items` of the first argument is ignored.
std::string encode(const message& m, const std::vector<encoded_item>& items);
std::string encode(const answer& a, const std::vector<encoded_item>& items = {});

/// What a message says, without its head (sessions, numbers, phase): all that may be cut.
std::string encode_content(const message& m, const std::vector<encoded_item>& items);

/// A message with the head of `m` and content that is encoded already.
std::string encode_with(const message& m, std::string_view content);

// Each decodes all values, none of them at its bottom, or nothing; those of types and formats that
// are not read here are skipped.
wire::decoded<message> decode_message(std::string_view bytes, const dialect& ours = {});
wire::decoded<answer> decode_answer(std::string_view bytes, const dialect& ours = {});

/// The message with that head and that content.
wire::decoded<message> decode_with(const message& head, std::string_view content,
                                   const dialect& ours = {});

} // namespace starling::replication
