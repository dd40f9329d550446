#pragma once

// Which of the keys of a shard are awake, and which of them are to rest: those that were used least
// recently, if more are awake than may be or if nobody has used them for a while.
//
// A key that is told to rest leaves. It may turn out to be at work; then it stays, as if it had
// just been used.
//
// This is a value: time comes in. Shards (actors/shard.cpp) and the simulator
// (sim/cluster/replica.cpp) do what it says.

#include "crdt/value.hpp"

#include <chrono>
#include <cstddef>
#include <list>

namespace starling::keyspace {

class rest_order {
  struct one {
    const crdt::key* key;
    std::chrono::nanoseconds used; // when it was used last
    bool leaves = false;
  };

public:
  struct limits {
    std::size_t awake_max;               // keys that are awake and do not leave
    std::chrono::nanoseconds rest_after; // unused for so long
  };

  /// Where a key stands; valid until it has rested.
  using place = std::list<one>::iterator;

  explicit rest_order(const limits& most) : most_(most) {}

  // Copies would share the places.
  rest_order(const rest_order&) = delete;
  rest_order& operator=(const rest_order&) = delete;

  /// A key is awake from now on. Requires: it outlives its place, and has none.
  place wakes(const crdt::key& key, std::chrono::nanoseconds now) {
    return awake_.insert(awake_.end(), {&key, now});
  }

  /// It is used; if it leaves, that is no reason to stay.
  void uses(place at, std::chrono::nanoseconds now) {
    at->used = now;
    if (!at->leaves)
      awake_.splice(awake_.end(), awake_, at);
  }

  /// The next key that is to rest, which leaves from now on; none if all may stay. To be asked
  /// until there is none.
  const crdt::key* next_idle(std::chrono::nanoseconds now);

  /// The same of those that are too many; never the key at `spared`, which may be nobody's.
  const crdt::key* next_too_many(const crdt::key* spared);

  /// The one that was used least recently, because the keys take too much together; none if there
  /// is nobody but the spared one.
  const crdt::key* next_too_large(const crdt::key* spared);

  bool leaves(place at) const { return at->leaves; }

  // What came of it. Requires: it leaves.

  void has_rested(place at) { leaving_.erase(at); }
  void stays(place at) {
    at->leaves = false;
    awake_.splice(awake_.end(), leaving_, at);
  }

  /// How many are awake and do not leave.
  std::size_t size() const { return awake_.size(); }

private:
  const crdt::key* let_first_leave();

  limits most_;
  std::list<one> awake_; // the one that was used least recently first
  std::list<one> leaving_;
};

} // namespace starling::keyspace
