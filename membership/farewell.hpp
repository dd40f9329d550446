#pragma once

// How a node says that it leaves: it tells some members, again and again, until all of them have
// acknowledged that or the time is over. Those members tell the rest.

#include "membership/member.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace starling::membership {

class farewell {
public:
  struct timing {
    duration timeout{0};  // after which the node leaves all the same
    duration interval{0}; // between two attempts
  };

  /// A member that is to know.
  struct receiver {
    node_id peer;
    udp_address where;
    bool has_acknowledged = false;
  };

  /// Begins now. `number` is what the packets have, and what their acks repeat.
  farewell(std::vector<receiver> receivers, std::uint64_t number, const timing& t, duration now)
      : receivers_(std::move(receivers)), number_(number), interval_(t.interval), next_(now),
        end_(now + t.timeout) {}

  std::uint64_t number() const { return number_; }

  /// `peer` acknowledged a packet with the number of this farewell.
  void acknowledge(const node_id& peer);

  /// Says whether the farewell ends now; only once.
  bool ends(duration now);

  /// Whom to tell now; nobody once it has ended.
  std::vector<receiver> due(duration now);

  /// How many members have acknowledged.
  std::size_t acknowledged() const;

  /// When `ends` or `due` has something to say; nothing once it has ended.
  std::optional<duration> next_due() const;

private:
  std::vector<receiver> receivers_;
  std::uint64_t number_;
  duration interval_;
  duration next_;
  duration end_;
  bool has_ended_ = false;
};

} // namespace starling::membership
