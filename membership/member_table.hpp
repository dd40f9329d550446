#pragma once

// The members that a node knows: the join of all records that it was told, by id.
//
// A record that has been dead or left for long is forgotten, but for its incarnation: what is said
// of it at that or an earlier one is ignored, so that no stale packet brings a ghost back.

#include "membership/member.hpp"

#include <cstddef>
#include <map>

namespace starling::membership {

class member_table {
public:
  struct entry {
    member record;
    duration since{0}; // when its state came to be, by this node's clock
  };

  using table = std::map<node_id, entry>;

  /// Joins a record. Nothing changes if the id was forgotten at that incarnation or a later one.
  /// `since` is when a new state came to be.
  change join(const member& said, duration since);

  /// The entry of an id; null when there is none.
  const entry* find(const node_id& id) const;

  /// Forgets the record of an id, but for its incarnation.
  void forget(const node_id& id, duration now);

  /// Forgets an id and its incarnation: what others say of it is as news.
  void erase(const node_id& id);

  /// Forgets a life that others do not believe in. Nothing brings the one before it back, at or
  /// below that generation; but that it is dead or left is news.
  void forget_life(const node_id& id, std::uint64_t before, duration now);

  /// Takes a forgotten node back, as the dead one that it was, with the profile it shows now.
  /// Requires: is_forgotten(said).
  void recall(const member& said, duration now);

  /// Drops incarnations of forgotten ids that are older than `age`, or more than `most`.
  void prune_forgotten(duration now, duration age, std::size_t most);

  bool is_forgotten(const member& said) const;

  /// At which incarnation. Requires: the id is forgotten.
  incarnation forgotten_at(const node_id& id) const { return forgotten_.find(id)->second.at; }

  const table& entries() const { return entries_; }
  std::size_t size() const { return entries_.size(); }
  std::size_t forgotten() const { return forgotten_.size(); }

  /// The sum (exclusive or) of the digests of all records: equal for equal tables, and hardly ever
  /// otherwise.
  std::uint64_t digest() const { return digest_; }

private:
  struct remembered {
    incarnation at;
    duration since;
    bool takes_verdicts = false; // of earlier incarnations
  };

  table entries_;
  std::map<node_id, remembered> forgotten_;
  std::uint64_t digest_ = 0;
};

} // namespace starling::membership
