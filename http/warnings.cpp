#include "http/warnings.hpp"

namespace starling::http {

namespace {

/// What is to be known of the replica id.
std::string warning_of(const actors::storage_report& disk) {
  using actors::certainty;
  if (disk.replica_state == certainty::certain)
    return "";
  const auto who = disk.unanswered.empty() ? "" : "; no answer from " + disk.unanswered;
  if (disk.replica_state == certainty::doubtful)
    return "no other node says what it knows of this one, so the next write of a client is "
           "numbered under a new replica id" +
           who;
  return "it is not known yet whether others have later events of this node than its disk, and "
         "clients' writes " +
         std::string{disk.holds_writes ? "wait for that" : "would wait for that"} + who;
}

} // namespace

std::vector<std::string> warnings_of(const actors::membership_report& known,
                                     const actors::storage_report& disk) {
  std::vector<std::string> result;
  if (disk.is_robbed)
    result.push_back("the rows of this node were removed before it was started: what it had is "
                     "gone, but for what other nodes bring back");
  if (auto one = warning_of(disk); !one.empty())
    result.push_back(std::move(one));
  if (!known.alone.empty())
    result.push_back("no other node of the cluster is there, so what is written here is nowhere "
                     "else; seeds: " +
                     known.alone);
  else if (known.isolated)
    result.push_back("nothing is heard from any other node");
  const auto named = [](const auto& r) {
    return r.name.empty() ? r.address : r.address + " (" + r.name + ")";
  };
  for (const auto& r : known.refused_by)
    result.push_back(named(r) + " refuses this node, which is no member there: " + r.why);
  for (const auto& r : known.refuses)
    result.push_back(named(r) + " is no member here: " + r.why);
  for (const auto& peer : known.peers) {
    if (!peer.record.profile || (peer.udp && peer.tcp))
      continue;
    const auto& profile = *peer.record.profile;
    result.push_back((peer.udp ? "TCP does not get through from this node to "
                               : "UDP does not get through between this node and ") +
                     profile.address + " (" + profile.name + ")");
  }
  return result;
}

} // namespace starling::http
