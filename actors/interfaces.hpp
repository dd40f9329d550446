#pragma once

// Who answers to what: the typed interfaces of the node's actors, on one page.
//
// Requests between actors wait without a timeout. All actors live in this process: an actor that
// ends bounces its requests, and an actor that dies of an error ends the process
// (end_on_error.hpp). Time limits stand where the process ends: at the clients' HTTP requests and
// at the peers'.

#include "actors/types.hpp"

#include <caf/typed_actor.hpp>

#include <vector>

namespace starling::actors {

/// Numbers events under a replica id.
using numbering_actor = caf::typed_actor<
    // From now on events are numbered under this replica id.
    caf::result<void>(renew_atom, crdt::replica_id, storage::renewal)>;

/// Commits changes to the disk, in groups: the changes that wait while a group is committed are the
/// next group.
using storage_actor = caf::typed_actor<
    // Answers when the changes are as durable as is configured. Fails with write_unknown if the
    // changes may be there all the same at the next start, else with disk_full or disk_failed. From
    // then on the actor takes no changes.
    caf::result<void>(commit_atom, storage::batch),
    // The same for a change that numbers an event of this node. Answers with how many changes this
    // node has made by then, at least.
    caf::result<std::uint64_t>(apply_atom, storage::batch),
    // Changes that are committed together with the next ones.
    caf::result<void>(note_atom, storage::batch),
    // The members that are known now, encoded: kept as a row, and in a file beside the rows.
    caf::result<void>(members_atom, std::string),
    // Asks for the replica id under which events may be numbered. Answers once the id is certain.
    caf::result<crdt::replica_id>(number_atom),
    // No other node knows of a later event of this node: the replica id is certain.
    caf::result<void>(confirm_atom),
    // No other node says what it knows. If an event has to be numbered, the node takes another
    // replica id.
    caf::result<void>(doubt_atom),
    // Goes on towards the next group; a message of the actor to itself.
    caf::result<void>(tick_atom),
    // Which nodes have not said yet what they know, for display.
    caf::result<void>(question_atom, std::string),
    // The actors that are told of a new replica id.
    caf::result<void>(shards_atom, std::vector<numbering_actor>),
    // Events that were numbered under this id were lost. Answers with the replica id that counts
    // from now on, once that id is kept.
    caf::result<crdt::replica_id>(renew_atom, crdt::replica_id, storage::renewal),
    // Something on the disk cannot be read.
    caf::result<void>(damaged_atom, storage::failure),
    // The keys that the disk had lost are back.
    caf::result<void>(mended_atom), caf::result<storage_report>(report_atom)>;

/// Reads all that is on the disk, bit by bit, and tells the storage actor what is damaged.
using verifier_actor = caf::typed_actor<
    // Reads the next part now, before its time.
    caf::result<void>(tick_atom)>;

/// Reads what is committed. Fails with unreadable, or newer_format.
using reader_actor = caf::typed_actor<
    // A value, without its rows if the value is large and has rows.
    caf::result<kept_value>(load_atom, crdt::key),
    // Some rows of such a value.
    caf::result<storage::some_rows>(load_atom, crdt::key, storage::wanted_rows),
    // What a client sees; fails with no_such_key.
    caf::result<crdt::view>(read_atom, crdt::key, crdt::query),
    // As for key_actor.
    caf::result<std::string>(state_atom, crdt::key),
    // As for shard_actor, of all keys.
    caf::result<std::vector<crdt::key>>(keys_atom, crdt::key_query),
    // The next keys after this one, and their digests, in order; none after the last key.
    caf::result<storage::digests_page>(digests_atom, std::optional<crdt::key>)>;

/// Copies all that is committed. Blocks while it copies.
using copier_actor = caf::typed_actor<
    // Into a new data folder. Fails with disk_full or disk_failed; then nothing is there.
    caf::result<void>(back_up_atom, std::string)>;

/// Has backups made, one at a time.
using backup_actor = caf::typed_actor<
    // Begins a backup in a folder that does not exist, an absolute path, and answers at once.
    caf::result<backup_report>(back_up_atom, std::string),
    // How the last backup goes.
    caf::result<backup_report>(report_atom)>;

/// Owns the CRDT of one key: every change and every read of the key goes through this actor. Nobody
/// is told of a change before the change is committed.
using key_actor = caf::typed_actor<
    // A client's write. The slot is answered with what the client sees, or fails and changes
    // nothing.
    caf::result<void>(apply_atom, write_slot),
    // A client's read; fails with no_such_key when nothing was ever written.
    caf::result<crdt::view>(read_atom, crdt::query),
    // Joins a peer's delta or state. The gossip actor is told what was new before the slot is
    // answered.
    caf::result<void>(join_atom, join_slot),
    // Tells the gossip actor the news that it was not told yet.
    caf::result<void>(news_atom, news_slot),
    // The encoded state; empty if nothing was ever written.
    caf::result<std::string>(state_atom),
    // As for numbering_actor.
    caf::result<void>(renew_atom, crdt::replica_id),
    // Ends, if nothing is under way, and answers with what has to be kept.
    caf::result<rested_key>(rest_atom)>;

/// Owns the key actors of a part of the keys, and hands on what is for them. Wakes keys that are
/// asleep, and lets rest the keys that were used least recently. Without a disk, no key is at its
/// bottom.
using shard_actor = caf::typed_actor<
    // As for key_actor, several slots at a time; the slots of one key in their order. Reads and
    // writes fail with being_mended for keys that the disk has lost.
    caf::result<void>(apply_atom, std::vector<write_slot>),
    caf::result<void>(join_atom, std::vector<join_slot>),
    caf::result<void>(news_atom, std::vector<news_slot>),
    caf::result<crdt::view>(read_atom, crdt::key, crdt::query),
    caf::result<std::string>(state_atom, crdt::key),
    // The keys of this shard that were written, in order, as far as the query goes. Where there is
    // a disk, a reader lists the keys.
    caf::result<std::vector<crdt::key>>(keys_atom, crdt::key_query),
    // As for key_actor.
    caf::result<void>(renew_atom, crdt::replica_id, storage::renewal),
    // The keys that the disk had lost are back.
    caf::result<void>(mended_atom),
    // How many keys of this shard are awake or at rest.
    caf::result<std::uint64_t>(report_atom)>;

/// Carries bytes to a peer and its answer back. Blocks nobody: see peer_client.hpp.
using peer_client_actor = caf::typed_actor<
    // Posts to a path at host:port; fails with unreachable, foreign_peer or bad_message.
    caf::result<std::string>(post_atom, std::string, std::string, std::string)>;

/// Spreads deltas; drives replication::gossip.
using gossip_actor = caf::typed_actor<
    // Where the keys live. The first message; nothing is asked of the keys before.
    caf::result<void>(shards_atom, std::vector<shard_actor>),
    // A key's delta, once its state has it.
    caf::result<void>(delta_atom, crdt::key, novelty),
    // A key has news, and tells the news when it is asked.
    caf::result<void>(news_atom, crdt::key),
    // The keys that were asked have told their news; a message of the actor to itself.
    caf::result<void>(news_atom),
    // All parts of an arrival are joined, or have failed; a message of the actor to itself.
    caf::result<void>(join_atom, std::uint64_t, keyspace::join_outcome),
    // A message from a peer: answers once everything in it is joined.
    caf::result<std::string>(message_atom, std::string),
    // As for numbering_actor.
    caf::result<void>(renew_atom, crdt::replica_id, storage::renewal),
    // Other nodes know of no later event of this node; or no other node can tell.
    caf::result<void>(confirm_atom), caf::result<void>(doubt_atom),
    // A node that comes back asks what is known of it: see replication/confirmation.hpp.
    caf::result<std::string>(question_atom, std::string),
    // A member may be gossiped with; this is where it is and which session it is in.
    caf::result<void>(peer_atom, gossip_peer),
    // A member is dead or has left: nothing is sent to it until it is named again.
    caf::result<void>(lost_atom, membership::node_id),
    // Starts a round.
    caf::result<void>(tick_atom),
    // The last thing before a stop: hands on all that any peer lacks. Answers once each peer has
    // everything, or has failed.
    caf::result<void>(flush_atom),
    // The same before the node leaves: each peer has answered something, too.
    caf::result<void>(leave_atom), caf::result<gossip_report>(report_atom)>;

/// Asks the others whether they know of later events of this node than its disk.
using inquiry_actor = caf::typed_actor<
    // Asks the nodes again that did not answer.
    caf::result<void>(tick_atom)>;

/// Looks up host:port in the system's resolver, which may take long; several names at a time.
/// Answers with all addresses, each once and one at least, or fails with unreachable.
using resolver_actor =
    caf::typed_actor<caf::result<std::vector<membership::udp_address>>(resolve_atom, std::string)>;

/// Admits each call once, of the calls that may not be repeated (wire/call_guard.hpp).
using call_guard_actor = caf::typed_actor<
    // A call with its header. Answers with an empty text if the call is to be carried out, once for
    // each call; else with a challenge, which the caller gets as its answer. Fails with
    // bad_message.
    caf::result<std::string>(message_atom, std::string)>;

/// Knows who the members are; drives membership::swim.
using membership_actor = caf::typed_actor<
    // Takes part from now on, as soon as this node's own name resolves.
    caf::result<void>(start_atom),
    // From now on this gossip actor is told which members may be gossiped with.
    caf::result<void>(watch_atom, gossip_actor),
    // What came in over UDP.
    caf::result<void>(datagrams),
    // The content of a member's call, which was admitted. Answers as the member expects it, or
    // fails with bad_message, or with unreachable while this node takes no part.
    caf::result<std::string>(message_atom, membership::call_kind, std::string),
    // At this address is another process than this node believed.
    caf::result<void>(peer_atom, std::string),
    // Whether a message reached the process at this address.
    caf::result<void>(peer_atom, std::string, bool),
    // The member in the first session had all that this node had, and has lost nothing since the
    // second session began: to be remembered.
    caf::result<void>(members_atom, std::uint64_t, std::uint64_t),
    // Leaves the cluster; answers when that is done.
    caf::result<leave_report>(leave_atom),
    // Does what is due.
    caf::result<void>(tick_atom), caf::result<membership_report>(report_atom)>;

} // namespace starling::actors

CAF_BEGIN_TYPE_ID_BLOCK(starling_handles, caf::id_block::starling::end)
  CAF_ADD_TYPE_ID(starling_handles, (starling::actors::gossip_actor))
  CAF_ADD_TYPE_ID(starling_handles, (starling::actors::numbering_actor))
  CAF_ADD_TYPE_ID(starling_handles, (starling::actors::shard_actor))
  CAF_ADD_TYPE_ID(starling_handles, (std::vector<starling::actors::numbering_actor>))
  CAF_ADD_TYPE_ID(starling_handles, (std::vector<starling::actors::shard_actor>))
CAF_END_TYPE_ID_BLOCK(starling_handles)
