#pragma once

// Who a node is in this life of its process, and what of that outlives it.
//
// Session and replica id are drawn at each start. The node id is, too, unless it is kept in a file:
// then the node comes back as the same member, wherever it is started, and others see one entry
// that moved. With the id the file holds the generation of the last life, so that what was said of
// that life never counts for this one, even if the clock was set back.
//
// A generation that is far ahead of the clock, as after a start with a wrong one, would have the
// others refuse the id for as long; and a damaged file names nobody. In both cases the node starts
// under a new id, which costs it nothing but its name among the others. What cannot have been such
// a file is left alone.

#include "crdt/replica_id.hpp"
#include "membership/member.hpp"
#include "wire/result.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace starling::node {

struct identity {
  membership::node_id node;
  membership::session_id session;
  crdt::replica_id replica;
  std::uint64_t generation = 0;      // of the node id: above all that it had
  std::uint64_t started = 0;         // milliseconds since 1970
  std::uint64_t last_generation = 0; // of its last life, as far as that is kept; 0 if it had none
  std::string warning{};             // why it has not the id that the file had, if it has not
};

/// One that nobody had before.
identity draw_identity();

/// The one that the file goes on with, or a new one if there is no file; in either case the file
/// holds it when this returns. A new one also if the generation of the old one is further ahead of
/// the clock than tolerated, or if the file is damaged, which is then kept as `file`.damaged. A
/// sentence about what is wrong with the file, if it can be no such file or cannot be used.
wire::result<identity, std::string> adopt_identity(const std::string& file,
                                                   std::chrono::milliseconds tolerated);

/// The same for a disk without room: the file stays as it is, and has to be there. The next life
/// may thus have the same generation, if the clock is set back meanwhile.
wire::result<identity, std::string> look_up_identity(const std::string& file,
                                                     std::chrono::milliseconds tolerated);

/// Makes the file hold another id, as when this one turns out to be somebody else's. A sentence
/// about what went wrong, if something did.
std::optional<std::string> keep_identity(const std::string& file, const membership::node_id& node,
                                         std::uint64_t generation);

} // namespace starling::node
