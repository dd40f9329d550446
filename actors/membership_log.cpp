#include "actors/membership_log.hpp"

#include "system/log.hpp"

#include <algorithm>
#include <chrono>
#include <string>

namespace starling::actors {

namespace {

using membership::event_kind;

constexpr std::string_view component = "membership";

/// Of a long list of seeds, or of addresses that a name leads to.
constexpr std::size_t attempts_told_max = 16;

std::string describe(const membership::member& m) {
  if (!m.profile)
    return to_string(m.id);
  const auto& p = *m.profile;
  return p.name.empty() || p.name == p.address ? p.address : p.name + " at " + p.address;
}

/// What repeats itself for as long as a node is not reached is said once in words, and then for
/// those only who want to know all.
log::level level_of_suspicion(const membership::event& e, const membership::swim& core,
                              log::level usual) {
  const auto peers = core.peers();
  const auto one = std::ranges::find(peers, e.who.id, [](const auto& p) { return p.record->id; });
  return one != peers.end() && one->unreached ? log::level::debug : usual;
}

} // namespace

std::string what_came_of_the_seeds(const membership::swim& core) {
  std::string result;
  std::size_t told = 0;
  for (const auto& a : core.seed_attempts()) {
    if (++told > attempts_told_max)
      return result + ", and so on";
    result += (result.empty() ? "" : ", ") + a.seed;
    if (!a.address.empty() && a.address != a.seed)
      result += " (" + a.address + ")";
    switch (a.what) {
    case membership::seeds::outcome::untried:
      result += ": no answer yet";
      break;
    case membership::seeds::outcome::ourselves:
      result += " is this node";
      break;
    case membership::seeds::outcome::reached:
      result += " answers";
      break;
    case membership::seeds::outcome::failed:
      result += ": " + a.why;
      break;
    }
  }
  return result.empty() ? "there are no seeds" : result;
}

void log_event(const membership::event& e, const membership::swim& core) {
  const auto who = describe(e.who);
  switch (e.kind) {
  case event_kind::joined:
    return log::info(component, "{} joined, node {}", who, to_string(e.who.id));
  case event_kind::updated:
    return log::info(component, "node {} is now {}", to_string(e.who.id), who);
  case event_kind::suspected:
    return log::line(level_of_suspicion(e, core, log::level::warn), component,
                     "{} is suspected: it does not answer", who);
  case event_kind::recovered:
    return log::line(level_of_suspicion(e, core, log::level::info), component,
                     "{} is no longer suspected", who);
  case event_kind::failed:
    return log::warn(component, "{} is dead: {}", who,
                     e.own_verdict ? "it did not answer in time" : "so another node found");
  case event_kind::left:
    return log::info(component, "{} has left", who);
  case event_kind::refuted:
    return log::line(core.is_unreached() ? log::level::debug : log::level::warn, component,
                     "this node was accused of not answering; it is alive as {}",
                     to_string(core.self().status.at));
  case event_kind::health_changed:
    return log::info(component, "health is {} now, 0 is best", core.health());
  case event_kind::isolated:
    return log::warn(component, "nothing is heard from anybody");
  case event_kind::connected:
    return log::info(component, "others are heard again");
  case event_kind::alone:
    return log::warn(
        component,
        "this node is alone: no other node of its cluster is there. Seeds: {}. That is "
        "as it should be only while it is the first of its cluster",
        what_came_of_the_seeds(core));
  case event_kind::accompanied:
    return log::info(component, "this node is no longer alone");
  case event_kind::stalled:
    return log::warn(component, "this process did not run for {} ms",
                     e.how_long / std::chrono::milliseconds{1});
  case event_kind::id_conflict:
    return log::error(component,
                      "another process runs under the id of this node: {}; this is {} now", who,
                      to_string(core.self().id));
  case event_kind::life_forgotten:
    return log::error(
        component,
        "other nodes remember a life of this node, as {}, that its disk does not: the "
        "disk was set back, or was full when that life began",
        who);
  case event_kind::address_conflict:
    return log::warn(component,
                     "{}, node {}, claims the address of this node, {}; each node needs a "
                     "cluster.advertise of its own that leads to nobody else",
                     who, to_string(e.who.id), core.self().profile->address);
  case event_kind::refusing:
    return log::warn(component, "{} ({}) is no member here: {}", e.where, who, e.why);
  case event_kind::refused:
    return log::warn(component, "{} refuses this node, which is no member there: {}", e.where,
                     e.why);
  case event_kind::clock_was_ahead:
    return log::warn(component,
                     "the clock was ahead when this node started, as {}, so others refuse it; it "
                     "goes on as node {}",
                     to_string(e.who.status.at), to_string(core.self().id));
  case event_kind::udp_blocked:
    return log::warn(component,
                     "UDP does not get through between this node and {}, TCP or other members do; "
                     "it stays a member. Does a firewall drop UDP?",
                     who);
  case event_kind::udp_open:
    return log::info(component, "UDP gets through again between this node and {}", who);
  case event_kind::tcp_blocked:
    return log::warn(component,
                     "TCP does not get through from this node to {}, UDP does; what is written "
                     "here reaches it by other members only. Does a firewall drop TCP, or is that "
                     "node too busy to answer?",
                     who);
  case event_kind::tcp_open:
    return log::info(component, "TCP gets through again from this node to {}", who);
  case event_kind::tcp_in_blocked:
    return log::warn(component,
                     "TCP does not get through from {} to this node, as it says, UDP does; what is "
                     "written there comes here late, or by other members. Does a firewall here "
                     "drop TCP, or is this node too busy to answer?",
                     who);
  case event_kind::tcp_in_open:
    return log::info(component, "TCP gets through again from {} to this node", who);
  case event_kind::unreached:
    return log::warn(component,
                     "others accuse this node of not answering again and again, and nothing of "
                     "theirs reaches it at {}: what is written there does not come here. Does that "
                     "address, cluster.advertise, lead to this node, by UDP and TCP, through "
                     "firewalls and address translation?",
                     core.self().profile->address);
  case event_kind::reached:
    return log::info(component, "this node is reached again at {}", core.self().profile->address);
  case event_kind::member_unreached:
    return log::warn(component,
                     "nothing reaches {}, though it says again and again that it is alive: it "
                     "lacks what is written here. Does its cluster.advertise lead to it, by UDP "
                     "and TCP, through firewalls and address translation?",
                     who);
  case event_kind::member_reached:
    return log::info(component, "{} is reached again", who);
  case event_kind::left_cluster:
    return log::info(component, "has left the cluster; {} others said that they know",
                     e.acknowledged);
  }
}

} // namespace starling::actors
