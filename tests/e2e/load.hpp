#pragma once

// A load of writes of all types, at a fixed rate, through several nodes at once; and what has to
// become of them.
//
// Keys are written in turn, so that a key is not written again for keys / writes_per_second. Each
// write goes through whichever connection is free, so a node that does not answer slows nobody
// down: after an error its connections wait until it is healthy. What was acknowledged has to
// stay; what was neither acknowledged nor refused has an unknown fate, even long after, and may
// have happened.
//
// The model is exact as long as the nodes share a clock and a key's turn is longer than
// `answer_max`:
// - a counter is the sum of what was acknowledged, and any part of what is unknown;
// - a register is what was acknowledged last, or any unknown write;
// - in a set each life of a node has an element of its own, which it alone adds and removes: there
//   after an add, absent after a remove, either after anything unknown. One more is added and
//   removed by all, and may be there or not.

#include "tests/e2e/cluster.hpp"

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <variant>
#include <vector>

namespace starling::e2e {

class load {
public:
  struct settings {
    std::size_t keys = 0;
    double writes_per_second = 0;
    std::size_t connections_per_node = 2;
  };

  /// How long a write may take before its fate is unknown.
  static constexpr std::chrono::seconds answer_max{2};

  /// Writes nothing yet: all nodes are paused.
  load(std::deque<node>& nodes, const settings& with);

  load(const load&) = delete;
  load& operator=(const load&) = delete;

  /// Ends all writing.
  ~load();

  /// Writes through this node from now on, as in a new life of it.
  void resume(std::size_t node);

  /// Writes nothing through this node any more; none of its writes is under way on return.
  void pause(std::size_t node);

  std::uint64_t acknowledged() const;

  /// Writes that may have happened or not.
  std::uint64_t unknown() const;

  /// What nodes answered that was neither an acknowledgement nor a timeout; "" if nothing.
  std::string unexpected() const;

  /// The targets of all keys, for reading.
  const std::vector<std::string>& targets() const { return targets_; }

  /// Whether the answer to a read of the key at that place among the targets may be the final one.
  testing::AssertionResult allows(std::size_t key, const answer& read) const;

private:
  struct counter {
    std::int64_t sum = 0;
    std::int64_t unknown_above = 0;
    std::int64_t unknown_below = 0;
  };
  struct assigned {
    std::string last;
    std::vector<std::string> unknown;
  };
  enum class presence { absent, present, unknown };
  using elements = std::map<std::string, presence>;
  using record = std::variant<counter, assigned, elements>;

  /// One write, and what to note once its fate is known.
  struct write;

  struct target_node {
    client http;
    bool paused = true;
    int life = 0;
    std::size_t busy = 0; // connections that are at a write
  };

  void run(std::size_t node);
  bool begin(std::size_t node, write& next);
  void end(std::size_t node, const write& done, int status, const std::string& body);
  void wait_until_healthy(std::size_t node);
  static void note(record& of, const write& done, bool acknowledged);

  const settings settings_;
  std::vector<std::string> targets_;
  mutable std::mutex mutex_; // of all below
  std::condition_variable changed_;
  bool ending_ = false;
  std::deque<target_node> nodes_;
  std::vector<record> records_;
  std::uint64_t next_ = 0;
  std::chrono::steady_clock::time_point due_; // of the next write
  std::uint64_t acknowledged_ = 0;
  std::uint64_t unknown_ = 0;
  std::string unexpected_;
  std::vector<std::thread> threads_;
};

/// What a node answers to a GET of each target, over one connection.
std::vector<answer> read_all(const node& from, const std::vector<std::string>& targets);

} // namespace starling::e2e
