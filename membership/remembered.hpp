#pragma once

// The members that a node writes down. By these it finds the cluster again after a restart, even if
// its seeds are gone or it never had any.

#include "membership/swim.hpp"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace starling::membership {

struct remembered_member {
  node_id id;
  std::string address; // of its cluster listener
  bool was_alive = false;

  // Since it began this session it has lost nothing of what it had, and that was once all that this
  // node had then; nothing if that is not known.
  std::optional<session_id> kept_since{};

  friend bool operator==(const remembered_member&, const remembered_member&) = default;
};

/// Those of whom that is known, and since when.
using holders = std::map<node_id, session_id>;

/// The members that are to be remembered, at most `most`, the live ones first: the members that the
/// table has as live or dead. As long as no other member is live, also those that were remembered
/// before and have not left since.
std::vector<remembered_member> worth_remembering(const swim& core,
                                                 const std::vector<remembered_member>& before,
                                                 const holders& of_all, std::size_t most);

void note_holders(std::vector<remembered_member>& members, const holders& of_all);
holders holders_among(const std::vector<remembered_member>& members);

std::string encode(const std::vector<remembered_member>& members);
wire::decoded<std::vector<remembered_member>> decode_remembered(std::string_view bytes);

/// The addresses to look for members at: those of the live ones, or of all if none was live.
std::vector<std::string> addresses_of(const std::vector<remembered_member>& members);

} // namespace starling::membership
