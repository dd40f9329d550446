#pragma once

// The members that a node writes down, to find them again after a restart: whether its seeds are
// gone or it never had any.

#include "membership/swim.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace starling::membership {

struct remembered_member {
  node_id id;
  std::string address; // of its cluster listener
  bool was_alive = false;
  friend bool operator==(const remembered_member&, const remembered_member&) = default;
};

/// Those that are worth it, some of them at most, the living first: who is alive or dead, by the
/// table, and as long as nobody is alive there, whoever was remembered before and has not left
/// since.
std::vector<remembered_member>
worth_remembering(const swim& core, const std::vector<remembered_member>& before, std::size_t most);

std::string encode(const std::vector<remembered_member>& members);
wire::decoded<std::vector<remembered_member>> decode_remembered(std::string_view bytes);

/// Where to look for them: for the living, or for all if none was alive.
std::vector<std::string> addresses_of(const std::vector<remembered_member>& members);

} // namespace starling::membership
