#pragma once

// Probes that this node makes for other members, as their helper (SWIM 4.1).
//
// A member whose ping is not answered asks this node to ping the target for it. A relay remembers
// who asked, until the target's ack was passed on or its time is over. If the ack does not come in
// time, the member that asked gets a nack: it says that this node is well, and that only the target
// is silent (Lifeguard IV-A). An ack that comes after the nack is still passed on (Lifeguard,
// footnote 5).

#include "membership/member.hpp"
#include "membership/stall.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace starling::membership {

class relays {
public:
  /// What a member asked for, and the ping that this node sends for it.
  struct request {
    std::uint64_t number = 0; // of our ping
    node_id target;
    udp_address asker;
    std::uint64_t asked_number = 0;             // of the asker's request
    duration budget{0};                         // how long the asker waits
    duration margin{0};                         // how long before that end the nack is sent
    std::uint8_t version = wire::spoken.newest; // in which the asker wrote the request
  };

  /// An ack or a nack that is to be sent to a member that asked.
  struct reply {
    udp_address to;
    std::uint64_t number = 0; // of its request
    std::uint8_t version = wire::spoken.newest;
  };

  /// At most `capacity` at a time.
  explicit relays(std::size_t capacity) : capacity_(capacity) {}

  bool is_full() const { return relays_.size() >= capacity_; }

  /// The ping of this request is sent now. Requires: `is_full()` is false.
  void begin(const request& r, duration now);

  /// `by` acknowledged a ping of ours. The ack to pass on; nothing if the ping was for nobody else.
  std::optional<reply> acknowledged(std::uint64_t number, const node_id& by, duration now);

  /// The nacks to send now. Forgets the relays whose time is over.
  std::vector<reply> nacks_due(duration now);

  /// When `nacks_due` has something to do; nothing if there are no relays.
  std::optional<duration> next_due() const;

  /// The deadlines that ran while this process did not are moved.
  void absorb(const stall& s);

private:
  struct relay {
    request what;
    duration started{0};
    duration nack{0};         // when the nack is due
    duration end{0};          // until then an ack is passed on
    bool is_answered = false; // by an ack or a nack
  };

  std::size_t capacity_;
  std::vector<relay> relays_;
};

} // namespace starling::membership
