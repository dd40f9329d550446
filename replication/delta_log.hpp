#pragma once

// The deltas that some peer may still lack, numbered in the order in which this node learned them.
//
// The log holds only what was new here: deltas of own writes and novelties of joins. For each peer
// it knows what of an entry the peer is not known to have, the *rest*: all of it at first, nothing
// if it was heard from the peer, and less with everything else that the peer sends. So each link
// carries each event about once, where avoiding back-propagation of whole entries (Enes et al.,
// Efficient Synchronization of State-based CRDTs) sends it again to all who learned it another way.

#include "crdt/value.hpp"
#include "replication/session.hpp"

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace starling::replication {

class delta_log {
public:
  /// Appends an entry, a delta that is encoded.
  void append(crdt::key key, std::string delta, std::optional<session_id> heard_from);

  /// A peer has this of a key, so it lacks no more of the entries above `cursor`.
  void heard(session_id peer, const crdt::key& key, const crdt::value& part, std::uint64_t cursor);

  /// A peer has these entries, those above `from` up to `to`, as far as they are here.
  void acknowledge(session_id peer, std::uint64_t from, std::uint64_t to);

  /// Drops the entries up to `number`.
  void drop_through(std::uint64_t number);

  /// What is known of that peer is forgotten: it lacks all that is here.
  void forget(session_id peer);

  /// The number of the oldest entry that is here; of the next one, if there is none.
  std::uint64_t first() const { return first_; }

  /// The number of the newest entry that ever was; 0 at first.
  std::uint64_t last() const { return first_ + entries_.size() - 1; }

  /// Whether all entries above `cursor` are still here.
  bool reaches_back_to(std::uint64_t cursor) const { return cursor + 1 >= first_; }

  /// The key of an entry. Requires: it is here.
  const crdt::key& key_of(std::uint64_t number) const { return *entries_[number - first_].key; }

  /// What the peer is not known to have of an entry, encoded; nothing if it has it all. Requires:
  /// the entry is here.
  const std::string* rest(std::uint64_t number, session_id peer) const;

  std::size_t size() const { return entries_.size(); }

  /// What the entries take in memory, at most about; and no less than in a message.
  std::size_t bytes() const { return bytes_; }

private:
  using rest_of = std::pair<session_id, std::string>; // empty if nothing is left

  struct entry {
    const crdt::key* key;
    std::string delta;          // as it will travel: a decoded value takes many times the space
    std::vector<rest_of> rests; // of the peers that are known to have a part
    std::uint64_t previous;     // entry of the key; gone if below first_
  };

  static std::size_t size_of(const entry& e);
  rest_of* find_rest(entry& e, session_id peer);
  void set_rest(entry& e, session_id peer, std::string rest);
  void drop_first();

  std::size_t bytes_ = 0;
  std::uint64_t first_ = 1; // the number of entries_.front()
  std::deque<entry> entries_;
  std::map<crdt::key, std::uint64_t> latest_; // the number of each key's newest entry
};

} // namespace starling::replication
