#pragma once

// The members that a node writes down, to find them again after a restart: whether its seeds are
// gone or it never had any.

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

/// Those that are worth it, some of them at most, the living first: who is alive or dead, by the
/// table, and as long as nobody is alive there, whoever was remembered before and has not left
/// since.
std::vector<remembered_member> worth_remembering(const swim& core,
                                                 const std::vector<remembered_member>& before,
                                                 const holders& of_all, std::size_t most);

void note_holders(std::vector<remembered_member>& members, const holders& of_all);
holders holders_among(const std::vector<remembered_member>& members);

std::string encode(const std::vector<remembered_member>& members);
wire::decoded<std::vector<remembered_member>> decode_remembered(std::string_view bytes);

/// Where to look for them: for the living, or for all if none was alive.
std::vector<std::string> addresses_of(const std::vector<remembered_member>& members);

} // namespace starling::membership
