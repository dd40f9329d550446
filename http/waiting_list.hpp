#pragma once

// Who waits for what at a port, for how long they may, and who has to go when there is no room.
//
// Pure bookkeeping: connections are numbers, and the time comes in as an argument.

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>

namespace starling::http {

/// What a connection waits for.
enum class stage : std::uint8_t {
  silent,  // its first byte
  idle,    // its next request, after others were answered
  head,    // the rest of a head
  body,    // the rest of a body
  busy,    // our answer: it has no deadline, and is never closed
  sending, // the client to take the answer
  ending,  // the client to close, after the last answer
};

class waiting_list {
public:
  using clock = std::chrono::steady_clock;
  using number = std::uint64_t;

  /// A head that is on its way for so long counts as slow.
  static constexpr std::chrono::milliseconds slow_head{1000};

  /// From now on the connection waits for this, until the deadline at most. Its time in that stage
  /// goes on if it was there before.
  void put(number who, stage what, clock::time_point now, clock::time_point deadline);

  void remove(number who);

  std::size_t size() const { return all_.size(); }
  std::size_t size(stage what) const { return at(what).size(); }

  std::optional<stage> find(number who) const;
  std::optional<clock::time_point> deadline(number who) const;

  std::optional<clock::time_point> first_deadline() const;

  /// One whose deadline has passed.
  std::optional<number> overdue(clock::time_point now) const;

  /// The connection that is missed least: the longest in its stage, first of the silent ones, then
  /// of slow heads, of those that are told goodbye, of idle ones, of all heads, of bodies. Nothing
  /// if there are only others.
  std::optional<number> least_missed(clock::time_point now) const;

  /// The longest in a transfer, of a body or of an answer, if there are at least two.
  std::optional<number> longest_transfer() const;

private:
  struct entry {
    stage what;
    clock::time_point since;
    clock::time_point deadline;
  };
  using by_time = std::set<std::pair<clock::time_point, number>>;

  const by_time& at(stage what) const { return stages_[static_cast<std::size_t>(what)]; }
  by_time& at(stage what) { return stages_[static_cast<std::size_t>(what)]; }

  std::unordered_map<number, entry> all_;
  std::array<by_time, 7> stages_; // by the time since they are there
  by_time deadlines_;             // of all but the busy ones
};

} // namespace starling::http
