#pragma once

// A load under which values only grow, about as fast as the nodes answer: increments of few and of
// many counters, and adds to sets. So at any moment a node has to hold at least what it
// acknowledged, whatever has happened to it since; and in the end there is what was acknowledged,
// and any part of what was sent and not answered.

#include "tests/e2e/cluster.hpp"

#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>

namespace starling::e2e {

/// What became of writes.
struct tally {
  struct increments {
    std::int64_t acknowledged = 0;
    std::int64_t unanswered = 0;
  };
  std::map<std::string, increments> counters;        // by target
  std::map<std::string, std::set<std::string>> adds; // acknowledged ones
  std::uint64_t acknowledged = 0;

  void add(const tally& other);
};

class growth {
public:
  /// Writes to all nodes from now on, also to those that come back.
  explicit growth(std::deque<node>& nodes);
  growth(const growth&) = delete;
  growth& operator=(const growth&) = delete;
  ~growth();

  /// Ends all writing.
  void end();

  /// Of what was sent to one node so far, or to all.
  tally through(std::size_t node) const;
  tally through_all() const;

private:
  struct writer {
    std::size_t node;
    std::string name;
    std::uint16_t port;
    mutable std::mutex mutex{}; // of what follows
    tally done{};
    std::thread thread{};
  };

  void run(writer& as);

  std::atomic<bool> ending_ = false;
  std::deque<writer> writers_;
};

/// Whether a node holds at least that.
testing::AssertionResult holds(const node& n, const tally& what);

/// Whether a node's counters are what was acknowledged and a part of what was not answered.
testing::AssertionResult counts_exactly(const node& n, const tally& what);

} // namespace starling::e2e
