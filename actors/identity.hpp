#pragma once

// Who a node is in this life of its process, and what of that outlives it.
//
// Session and replica id are drawn at each start. The node id is, too, unless it is kept in a file:
// then the node comes back as the same member, wherever it is started, and others see one entry
// that moved. With the id the file holds the generation of the last life, so that what was said of
// that life never counts for this one, even if the clock was set back.

#include "crdt/replica_id.hpp"
#include "membership/member.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

namespace starling::actors {

struct identity {
  membership::node_id node;
  membership::session_id session;
  crdt::replica_id replica;
  std::uint64_t generation = 0;      // of the node id: above all that it had
  std::uint64_t started = 0;         // milliseconds since 1970
  std::uint64_t last_generation = 0; // of its last life, as far as that is kept; 0 if it had none
};

/// One that nobody had before.
identity draw_identity();

/// The one that the file goes on with, or a new one if there is no file; in either case the file
/// holds it when this returns. A sentence about what is wrong with the file, if something is.
std::variant<identity, std::string> take_up_identity(const std::string& file);

/// The same for a disk without room: the file stays as it is, and has to be there. The next life
/// may thus have the same generation, if the clock is set back meanwhile.
std::variant<identity, std::string> look_up_identity(const std::string& file);

/// Makes the file hold another id, as when this one turns out to be somebody else's. A sentence
/// about what went wrong, if something did.
std::optional<std::string> keep_identity(const std::string& file, const membership::node_id& node,
                                         std::uint64_t generation);

} // namespace starling::actors
