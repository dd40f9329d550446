#pragma once

// Whether a node may go on numbering events where it stopped.
//
// Events are numbered by a replica id, and no number is ever used twice. So an id is kept only as
// long as everything that was ever numbered under it is certain to be here: everything that left
// the node was synced to this disk, or the node was stopped in order; all of it could be read; and
// this is that disk, not a copy of it, which would go on from an older moment. In any doubt the
// node takes a new id, which costs each value that it writes an entry.

#include "crdt/replica_id.hpp"
#include "storage/evidence.hpp"
#include "storage/reading.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace starling::storage {

/// Why a replica id was given up for another.
struct renewal {
  enum class cause : std::uint8_t {
    asked_for,     // by the operator
    damaged,       // what was written last may be missing
    unsynced,      // the last life did not end in order, and had not synced what it told
    another_disk,  // the folder is a copy, an older state of itself, or was moved
    set_back,      // others know of later events than the disk
    not_confirmed, // nobody said whether they do
  };
  cause what;
  std::string why; // a clause for people
  friend bool operator==(const renewal&, const renewal&) = default;
};

/// All of them.
inline constexpr std::array renewal_causes{
    renewal::cause::asked_for,    renewal::cause::damaged,  renewal::cause::unsynced,
    renewal::cause::another_disk, renewal::cause::set_back, renewal::cause::not_confirmed};

/// Whether something that the disk had may be gone from it.
bool shows_loss(renewal::cause what);

/// A word for each, as for metrics.
std::string_view to_string(renewal::cause what);

struct taken_up {
  crdt::replica_id id;
  bool is_fresh = false;            // nobody has numbered anything under it
  std::optional<renewal> renewed{}; // if there was an older one
};

/// The id to go on with: the one that the store has, or a new one. It is kept from now on; from now
/// on, too, `is_careful` says whether all that leaves the node will be synced before. The next time
/// the disk may show the next life, if there is one, in the place of the present one.
found<taken_up> adopt_replica(store& rows, const evidence& seen, bool is_careful,
                              const crdt::replica_id& fresh,
                              const std::optional<life>& next = std::nullopt);

/// Keeps another id, as when the present one turns out to be in doubt.
batch keeping_replica(const evidence& seen, bool is_careful, const crdt::replica_id& id);
wire::possible<failure> keep_replica(store& rows, const evidence& seen, bool is_careful,
                                     const crdt::replica_id& id);

/// Whether what a peer brought shows that this replica numbered events that it does not remember,
/// as when a disk was set back: then it must not number another under this id. `news` is what was
/// new of it, `now` the value with it.
bool shows_lost_events(const crdt::value& news, const held_value& now,
                       const crdt::replica_id& self);

/// Everything is synced and nothing more will be numbered under the id: it may be kept. For when a
/// node that was not careful stops in order.
wire::possible<failure> close_in_order(store& rows);

/// Which secret the digests in a store are made with.
enum class digest_secret : std::uint8_t {
  ours,
  another, // the operator has changed it
  unknown, // the row that would tell is missing: so it is in a store without keys, only
};
found<digest_secret> secret_of_digests(const snapshot& at, const replication::digester& digests);

/// Says that the digests are those of this secret.
void put_secret(batch& into, const replication::digester& digests);

/// The row of the replica id. Without it, the next life takes a new one.
std::string replica_row();

/// Makes the digests in the store those of this secret, if they are of another one. All values are
/// read then. Fails, as `corrupted`, where a value is not all there, and where nothing says that
/// the secret was another one: a digest that was made anew would vouch for what is left. Values
/// that this version does not know keep no digest; a version that knows them makes it, by this.
wire::possible<failure> renew_digests(store& rows, const replication::digester& digests);

} // namespace starling::storage
