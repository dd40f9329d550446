#include "http/warnings.hpp"

namespace starling::http {

std::vector<std::string> warnings_of(const actors::membership_report& known) {
  std::vector<std::string> result;
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
