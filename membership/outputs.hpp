#pragma once

// What the membership core wants done, and what it has to tell.
//
// The core fills one `outputs` during each input. The driver carries it out before the next input.
// Memory is reused, so that a quiet cluster allocates nothing.

#include "membership/member.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace starling::membership {

/// A datagram to send; losing it is no error. A view until the next input.
struct packet {
  udp_address to;
  std::string_view bytes;
};

/// What members ask of each other over HTTP. Other calls between nodes are no matter of membership.
enum class call_kind : std::uint8_t {
  sync, // exchange of tables
  ping, // are you there? for members that UDP does not reach
};

/// "sync" or "ping".
std::string_view to_string(call_kind k);

/// A request over HTTP. The driver reports its answer with `call_answered`, or that there is none
/// with `call_failed`, exactly once. `address` is one that a seed's name led to, or that of a
/// member; it is to be resolved at each call.
struct call {
  std::uint64_t token = 0;
  call_kind kind = call_kind::sync;
  std::string address;
  std::string content;
};

/// Why a call came to nothing.
struct call_failure {
  std::string why;      // for people
  bool refused = false; // somebody is there, and takes us for no node of its cluster
};

enum class event_kind : std::uint8_t {
  // Of a member. For each id: (joined (updated | suspected | recovered)* (failed | left))*
  joined,
  updated,   // another address, session or name
  suspected, // it may be gossiped with, still
  recovered, // from a suspicion
  failed,
  left,
  // Of this node.
  refuted,          // others accused us; our incarnation is higher now
  health_changed,   // see `health()`
  isolated,         // nothing is heard from anybody
  connected,        // it is again
  alone,            // no other member is left or was ever found, although there should be some
  accompanied,      // no longer alone
  stalled,          // this process did not run for `how_long`
  id_conflict,      // another process runs under our id; the older of the two takes a new one
  address_conflict, // another member claims our address
  life_forgotten,   // this node has lived since what it remembers as its last life
  refusing,         // somebody is no member for us, as its clock is far ahead of ours, say
  refused,          // we are no member for somebody
  clock_was_ahead,  // the generation of this node was; it goes on under another id
  udp_blocked,      // of a member: datagrams do not get through, one way or both; calls do
  udp_open,         // they do again
  tcp_blocked,      // of a member: calls do not get through, datagrams do
  tcp_open,         // they do again
  tcp_in_blocked,   // of a member: its calls do not get through to this node, as it says
  tcp_in_open,      // they do again
  unreached,        // others accuse this node again and again, and nothing of theirs gets in
  reached,          // something does again
  member_unreached, // a member says again and again that it lives, and nothing gets in to it
  member_reached,   // something does again
  left_cluster,     // our leave is done; `acknowledged` members know
};

/// "joined", "id conflict" and so on.
std::string_view to_string(event_kind k);

struct event {
  event_kind kind;
  member who;                   // as it is now; for events of this node, the rival or ourselves
  bool own_verdict = false;     // failed: this node's own suspicion ran out, or it was told `gone`
  std::size_t acknowledged = 0; // left_cluster
  duration how_long{0};         // stalled
  std::string where;            // refusing, refused: the address of the other side
  std::string why;              // the same
};

class outputs {
public:
  /// Forgets everything; what was handed out is invalid.
  void clear();

  std::size_t packets() const { return packets_.size(); }
  packet packet_at(std::size_t i) const;

  std::vector<std::string> lookups; // names of seeds: report `found` or `not_found`, exactly once
  std::vector<call> calls;
  std::vector<event> events;

  /// Where the next packet is written; `close_packet` addresses what was written since the last.
  wire::writer& buffer() { return buffer_; }
  void close_packet(const udp_address& to);

private:
  struct slot {
    udp_address to;
    std::size_t begin;
    std::size_t end;
  };

  wire::writer buffer_;
  std::vector<slot> packets_;
};

} // namespace starling::membership
