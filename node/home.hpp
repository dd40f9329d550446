#pragma once

// What a node keeps between its lives, and takes up when it starts: who it is, and its rows.

#include "config/options.hpp"
#include "membership/remembered.hpp"
#include "node/identity.hpp"
#include "replication/digest.hpp"
#include "replication/session.hpp"
#include "replication/tallies.hpp"
#include "storage/disk/folder.hpp"
#include "storage/identity.hpp"
#include "storage/lost_keys.hpp"
#include "storage/store.hpp"
#include "wire/result.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace starling::node {

struct home {
  identity who{};
  std::optional<storage::folder> folder{};             // in use; nothing without a disk
  std::shared_ptr<storage::store> rows{};              // nothing without a disk
  storage::evidence seen{};                            // of the disk
  storage::lost_keys lost{};                           // that the disk had, and are not back yet
  std::optional<replication::session_id> kept_since{}; // if it has lost nothing before this one
  bool has_fresh_id = true;                  // nobody has numbered anything under the replica id
  std::optional<storage::renewal> renewed{}; // if it took the place of an older one
  std::uint64_t changes = 0;                 // of this node, that the disk has
  std::vector<replication::tally> former{};  // under ids that it gave up since it lost anything
  std::vector<replication::session_id> witnesses{};      // since when others keep what they know
  std::vector<replication::tally> tallies{};             // of other nodes, as they told it
  std::vector<membership::remembered_member> members{};  // that the last life knew
  std::vector<membership::remembered_member> rescuers{}; // who may bring back what was lost
  bool were_rows_removed = false; // the rows were removed since the last life
  // Why nothing can be written, so that this is for reading only: nothing was changed on the disk,
  // and the replica id is one that nothing is numbered under.
  std::optional<storage::failure> cannot_write{};
  std::uint64_t room_needed = 0; // on the disk, beyond what writing takes, until that is over
};

/// Opens the data folder, or none if the node is to be in memory only. Draws a new replica id where
/// the old one is in doubt. Where the disk has no room, what is there is opened for reading only; a
/// process that goes on after its disk has failed is content with that whatever fails. A sentence
/// about what went wrong, if something did; then nothing was changed that matters.
wire::result<home, std::string> open_home(const config::options& o, bool goes_on = false);

/// The digests of a cluster's keys.
replication::digester digester_of(const config::options& o);

} // namespace starling::node
