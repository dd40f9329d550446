#pragma once

// Which of the ways to a member are open: datagrams, our calls to it, and its calls to us.
//
// Datagrams and calls take the same way through the network, but not through every firewall. A
// member that only one of them reaches lives, and an operator should know why it is slow to be
// heard. So a way is taken for blocked only if the other one is open meanwhile.
//
// Each function that hears of something says whether that is news.

#include "membership/member.hpp"

namespace starling::membership {

class paths {
public:
  struct timing {
    unsigned misses = 0;  // pings in a row without an answer, until datagrams are blocked
    duration patience{0}; // how long calls have to fail until they are blocked
  };

  // -- datagrams --

  /// The member did not answer a ping itself.
  void ping_missed() { ++ping_misses_; }

  /// How many pings in a row the member did not answer itself.
  unsigned ping_misses() const { return ping_misses_; }

  /// The member answered a datagram by a datagram. Says whether datagrams were blocked until now.
  bool datagram_answered();

  /// The member was found to live, though not by a datagram. Says whether datagrams are blocked
  /// from now on.
  bool lives_otherwise(const timing& t);

  // -- calls --

  /// A call to the member failed.
  void call_missed(duration now);

  /// A call was answered. Says whether calls were blocked until now.
  bool call_answered();

  /// Datagrams get through. Says whether calls are blocked from now on.
  bool calls_fail(const timing& t, duration now);

  /// The member says whether its own calls to us fail. Says whether that is another answer than
  /// before.
  bool own_calls_fail(bool fail);

  bool are_datagrams_blocked() const { return datagrams_blocked_; }
  bool are_calls_blocked() const { return calls_blocked_; }
  bool are_own_calls_blocked() const { return own_calls_blocked_; }

private:
  unsigned ping_misses_ = 0;
  unsigned call_misses_ = 0; // calls in a row
  duration first_call_miss_{0};
  bool datagrams_blocked_ = false;
  bool calls_blocked_ = false;
  bool own_calls_blocked_ = false;
};

} // namespace starling::membership
