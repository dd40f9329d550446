#pragma once

// A network that loses, repeats, delays and reorders what it carries, and that can be parted.
//
// It knows addresses and bytes, and nothing of who sends them or why. What is under way when a link
// is cut is lost.

#include "tests/replication/timeline.hpp"

#include <functional>
#include <set>
#include <string>
#include <utility>

namespace starling::simulation {

/// Where a node can be reached, in all its lives.
using address = std::size_t;

struct weather {
  unsigned loss_percent = 0;
  unsigned repeat_percent = 0;
  duration delay_min{1};
  duration delay_max{5};
};

class network {
public:
  network(timeline& time, dice& random) : time_(time), random_(random) {}

  weather now;

  /// Carries bytes from one address to another: `arrive` is called once, never, or twice.
  void send(address from, address to, std::function<void()> arrive);

  void cut(address a, address b) { cut_.insert(std::minmax(a, b)); }
  void join(address a, address b) { cut_.erase(std::minmax(a, b)); }
  void join_all() { cut_.clear(); }

private:
  bool is_cut(address a, address b) const { return cut_.contains(std::minmax(a, b)); }

  timeline& time_;
  dice& random_;
  std::set<std::pair<address, address>> cut_;
};

} // namespace starling::simulation
