#include "http/warnings.hpp"

#include <algorithm>

namespace starling::http {

namespace {

/// What is to be known of the replica id.
std::string warning_of(const actors::storage_report& disk) {
  using actors::certainty;
  if (disk.replica_state == certainty::certain)
    return "";
  const auto who = disk.unanswered.empty() ? "" : "; no answer from " + disk.unanswered;
  if (disk.replica_state == certainty::doubtful)
    return "no other node can tell what this one had numbered, so the next write of a client is "
           "numbered under a new replica id" +
           who;
  return "it is not known yet whether others have later events of this node than its disk, and "
         "clients' writes " +
         std::string{disk.holds_writes ? "wait for that" : "would wait for that"} + who;
}

std::string name_of(const membership::member& m) {
  const auto profile = m.profile.value_or(membership::profile{});
  return profile.address + " (" + profile.name + ")";
}

} // namespace

std::vector<std::string> warnings_of(const actors::membership_report& known,
                                     const actors::storage_report& disk,
                                     const actors::gossip_report& gossip) {
  std::vector<std::string> result;
  if (gossip.unknown_keys > 0)
    result.push_back(std::to_string(gossip.unknown_keys) +
                     " keys on the disk are of a type or a format that this version does not know: "
                     "they are kept, and not served");
  if (disk.were_rows_removed)
    result.push_back("the rows of this node were removed before it was started: what it had is "
                     "gone, but for what other nodes bring back");
  if (disk.is_mending && !disk.failure)
    result.push_back("keys that the disk has lost stay closed until a node that had all of this "
                     "node's data, and has kept it, brings them back; if there is no such node "
                     "any more, start this one once with --accept-loss");
  if (auto one = warning_of(disk); !one.empty())
    result.push_back(std::move(one));
  if (!known.alone.empty())
    result.push_back("no other node of the cluster is there, so what is written here is nowhere "
                     "else; seeds: " +
                     known.alone);
  else if (known.isolated)
    result.push_back("nothing is heard from any other node");
  if (known.unreached)
    result.push_back("other nodes accuse this one of not answering again and again, and nothing of "
                     "theirs reaches it at " +
                     known.self.profile.value_or(membership::profile{}).address +
                     ": what is written there does not come here. Does that address, "
                     "cluster.advertise, lead to this node, by UDP and TCP?");
  if (known.rival)
    result.push_back(name_of(*known.rival) + " claims the address of this node, " +
                     known.self.profile.value_or(membership::profile{}).address +
                     ": each node needs a cluster.advertise that leads to it and to no other");
  const auto named = [](const auto& r) {
    return r.name.empty() ? r.address : r.address + " (" + r.name + ")";
  };
  for (const auto& r : known.refused_by)
    result.push_back(named(r) + " refuses this node, which is no member there: " + r.why);
  for (const auto& r : known.refuses)
    result.push_back(named(r) + " is no member here: " + r.why);
  for (const auto& peer : known.peers) {
    if (!peer.record.profile)
      continue;
    const auto at =
        std::ranges::find(gossip.peers, replication::session_id{peer.record.profile->session.bits},
                          &replication::gossip::peer_status::peer);
    if (at != gossip.peers.end() && at->refused > 0)
      result.push_back(name_of(peer.record) +
                       " lacks values of this node that are larger than its gossip.max-value, " +
                       std::to_string(at->refused) + " in all");
    if (at != gossip.peers.end() && at->brought_too_much)
      result.push_back("this node lacks a value of " + name_of(peer.record) +
                       ", which is larger than gossip.max-value here");
    if (peer.unreached)
      result.push_back("nothing reaches " + name_of(peer.record) +
                       ", though it says again and again that it is alive: it lacks what is "
                       "written here. Does its cluster.advertise lead to it, by UDP and TCP?");
    else if (!peer.udp || !peer.tcp)
      result.push_back((peer.udp ? "TCP does not get through from this node to "
                                 : "UDP does not get through between this node and ") +
                       name_of(peer.record));
    if (!peer.tcp_in)
      result.push_back("TCP does not get through from " + name_of(peer.record) +
                       " to this node: what is written there comes here late, or by other members");
  }
  return result;
}

} // namespace starling::http
