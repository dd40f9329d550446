#include "actors/membership_log.hpp"

#include "actors/log.hpp"

#include <chrono>
#include <string>

namespace starling::actors {

namespace {

using membership::event_kind;

constexpr std::string_view component = "membership";

std::string describe(const membership::member& m) {
  if (!m.profile)
    return to_string(m.id);
  const auto& p = *m.profile;
  return p.name.empty() || p.name == p.address ? p.address : p.name + " at " + p.address;
}

} // namespace

void log_event(const membership::event& e, const membership::swim& core) {
  const auto who = describe(e.who);
  switch (e.kind) {
  case event_kind::joined:
    return log::info(component, "{} joined, node {}", who, to_string(e.who.id));
  case event_kind::updated:
    return log::info(component, "node {} is now {}", to_string(e.who.id), who);
  case event_kind::suspected:
    return log::warn(component, "{} is suspected: it does not answer", who);
  case event_kind::recovered:
    return log::info(component, "{} is no longer suspected", who);
  case event_kind::failed:
    return log::warn(component, "{} is dead: {}", who,
                     e.own_verdict ? "it did not answer in time" : "so another node found");
  case event_kind::left:
    return log::info(component, "{} has left", who);
  case event_kind::refuted:
    return log::warn(component, "this node was accused of not answering; it is alive as {}",
                     to_string(core.self().status.at));
  case event_kind::health_changed:
    return log::info(component, "health is {} now, 0 is best", core.health());
  case event_kind::isolated:
    return log::warn(component, "nothing is heard from anybody");
  case event_kind::connected:
    return log::info(component, "others are heard again");
  case event_kind::stalled:
    return log::warn(component, "this process did not run for {} ms",
                     e.how_long / std::chrono::milliseconds{1});
  case event_kind::id_conflict:
    return log::error(component,
                      "another process runs under the id of this node: {}; this is {} now", who,
                      to_string(core.self().id));
  case event_kind::life_forgotten:
    return log::error(component,
                      "{} knows a life of this node that this node does not: its disk "
                      "was set back",
                      who);
  case event_kind::address_conflict:
    return log::warn(component, "{} claims the address of this node", who);
  case event_kind::clock_differs:
    return log::warn(component,
                     "the clock of node {} and ours differ by a day or more, so it is no member "
                     "here; set them",
                     to_string(e.who.id));
  case event_kind::left_cluster:
    return log::info(component, "has left the cluster; {} others said that they know",
                     e.acknowledged);
  }
}

} // namespace starling::actors
