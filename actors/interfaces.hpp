#pragma once

// Who answers to what: the typed interfaces of the node's actors, on one page.
//
// Requests between them wait without a timeout: all of them live in this process, an actor that
// ends bounces its requests, and one that dies of an error ends the process (see end_on_error.hpp).
// Time limits stand where the process ends: at the clients' HTTP requests and at the peers'.

#include "actors/types.hpp"

#include <caf/typed_actor.hpp>

#include <vector>

namespace starling::actors {

/// Numbers events.
using numbering_actor = caf::typed_actor<
    // From now on under this id.
    caf::result<void>(renew_atom, crdt::replica_id, storage::renewal)>;

/// Commits changes to the disk, in groups: what waits while one group is committed is the next.
using storage_actor = caf::typed_actor<
    // Answers when the changes are as durable as is configured. Fails with write_unknown if they
    // may be there all the same at the next start, else with disk_full or disk_failed; from then on
    // it takes none.
    caf::result<void>(commit_atom, storage::batch),
    // The same for a change that numbers an event of this node: answers with how many it has made,
    // by then at least.
    caf::result<std::uint64_t>(apply_atom, storage::batch),
    // To be committed with what comes next.
    caf::result<void>(note_atom, storage::batch),
    // The members that are known now, encoded: kept as a row, and in a file beside the rows.
    caf::result<void>(members_atom, std::string),
    // Under which id events may be numbered: answers once that is certain.
    caf::result<crdt::replica_id>(number_atom),
    // No other node knows of a later event of ours: the id is certain.
    caf::result<void>(confirm_atom),
    // No other node says what it knows: who has to number something gets another id.
    caf::result<void>(doubt_atom),
    // Goes on towards the next group; its own message to itself.
    caf::result<void>(tick_atom),
    // Who has not said yet what he knows, for display.
    caf::result<void>(question_atom, std::string),
    // Who is told of a new replica id.
    caf::result<void>(shards_atom, std::vector<numbering_actor>),
    // Events were lost that were numbered under this id. Answers with the one that counts from now
    // on, which is kept by then.
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
    // A value, but for the rows of a large set.
    caf::result<kept_value>(load_atom, crdt::key),
    // Some of those rows.
    caf::result<storage::some_rows>(load_atom, crdt::key, storage::wanted_rows),
    // What a client sees; fails with no_such_key.
    caf::result<crdt::view>(read_atom, crdt::key, crdt::query),
    // As for key_actor.
    caf::result<std::string>(state_atom, crdt::key),
    // As for shard_actor, of all keys.
    caf::result<std::vector<crdt::key>>(keys_atom, crdt::key_query),
    // Some of the keys and their digests, in order, after one; none after the last.
    caf::result<storage::digests_page>(digests_atom, std::optional<crdt::key>)>;

/// Copies all that is committed. Blocks meanwhile.
using copier_actor = caf::typed_actor<
    // Into a new data folder. Fails with disk_full or disk_failed; then nothing is there.
    caf::result<void>(back_up_atom, std::string)>;

/// Has backups made, one at a time.
using backup_actor = caf::typed_actor<
    // Begins one in a folder that does not exist, an absolute path, and answers at once.
    caf::result<backup_report>(back_up_atom, std::string),
    // How the last one goes.
    caf::result<backup_report>(report_atom)>;

/// Owns the CRDT of one key: every change and every read of it goes through here. Whoever is told
/// of a change is told when it is committed.
using key_actor = caf::typed_actor<
    // A client's write: answered with what the client sees of it, or fails and changes nothing.
    caf::result<void>(apply_atom, write_slot),
    // A client's read; fails with no_such_key when nothing was ever written.
    caf::result<crdt::view>(read_atom, crdt::query),
    // Joins a peer's delta or state. The gossip has been told what was new when it is answered.
    caf::result<void>(join_atom, join_slot),
    // Tells the gossip what it was not told yet.
    caf::result<void>(news_atom, news_slot),
    // The encoded state; nothing if nothing was ever written.
    caf::result<std::string>(state_atom),
    // As for numbering_actor.
    caf::result<void>(renew_atom, crdt::replica_id),
    // Ends, if nothing is under way, and leaves behind what has to be kept.
    caf::result<rested_key>(rest_atom)>;

/// Owns the key actors of a part of the keys, and hands on what is for them: wakes those that are
/// asleep, and lets rest those that were used least recently. Without a
/// disk, none of them is at its bottom.
using shard_actor = caf::typed_actor<
    // As for key_actor, some at a time; the same key's in their order. Reads and writes fail with
    // being_mended for keys that the disk has lost.
    caf::result<void>(apply_atom, std::vector<write_slot>),
    caf::result<void>(join_atom, std::vector<join_slot>),
    caf::result<void>(news_atom, std::vector<news_slot>),
    caf::result<crdt::view>(read_atom, crdt::key, crdt::query),
    caf::result<std::string>(state_atom, crdt::key),
    // Those keys here that were written, in order, as far as the query goes. Where there is a disk,
    // a reader knows them.
    caf::result<std::vector<crdt::key>>(keys_atom, crdt::key_query),
    // As for key_actor.
    caf::result<void>(renew_atom, crdt::replica_id, storage::renewal),
    // The keys that the disk had lost are back.
    caf::result<void>(mended_atom),
    // How many they are.
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
    // A key has news, and tells them when it is asked for them.
    caf::result<void>(news_atom, crdt::key),
    // Those that were asked have told them; its own message to itself.
    caf::result<void>(news_atom),
    // All parts of an arrival are joined, or have failed; its own message to itself.
    caf::result<void>(join_atom, std::uint64_t, keyspace::join_outcome),
    // A message from a peer: answers once everything in it is joined.
    caf::result<std::string>(message_atom, std::string),
    // As for numbering_actor.
    caf::result<void>(renew_atom, crdt::replica_id, storage::renewal),
    // Others know of nothing later of this node, or none of them can tell.
    caf::result<void>(confirm_atom), caf::result<void>(doubt_atom),
    // A node that comes back asks what is known of it: see replication/confirmation.hpp.
    caf::result<std::string>(question_atom, std::string),
    // A member may be gossiped with; this is where it is and which session it is in.
    caf::result<void>(peer_atom, gossip_peer),
    // A member is dead or has left: nothing is sent to it until it is named again.
    caf::result<void>(lost_atom, membership::node_id),
    // Starts a round.
    caf::result<void>(tick_atom),
    // The last thing before a stop: hands on all that any peer lacks. Answers once each peer has it
    // or has failed.
    caf::result<void>(flush_atom),
    // The same before the node leaves: each peer has answered something, too.
    caf::result<void>(leave_atom), caf::result<gossip_report>(report_atom)>;

/// Asks the others whether they know of later events of this node than its disk.
using inquiry_actor = caf::typed_actor<
    // Asks those again who did not answer.
    caf::result<void>(tick_atom)>;

/// Looks up host:port in the system's resolver, which may take long; several names at a time.
/// Answers with all addresses, each once and one at least, or fails with unreachable.
using resolver_actor =
    caf::typed_actor<caf::result<std::vector<membership::udp_address>>(resolve_atom, std::string)>;

/// Lets each call in once that may not be repeated (wire/call_guard.hpp).
using call_guard_actor = caf::typed_actor<
    // A call with its header. Answers with nothing if the call is to be carried out, which is said
    // once; or with the answer that the caller gets, a challenge. Fails with bad_message.
    caf::result<std::string>(message_atom, std::string)>;

/// Knows who the members are; drives membership::swim.
using membership_actor = caf::typed_actor<
    // Takes part from now on, as soon as this node's own name resolves.
    caf::result<void>(start_atom),
    // From now on this one is told who may be gossiped with.
    caf::result<void>(watch_atom, gossip_actor),
    // What came in over UDP.
    caf::result<void>(datagrams),
    // The content of a member's call, which was admitted. Answers as the member expects it, or
    // fails with bad_message, or with unreachable while this node takes no part.
    caf::result<std::string>(message_atom, membership::call_kind, std::string),
    // Somebody else than we thought is at that address.
    caf::result<void>(peer_atom, std::string),
    // Whether a message reached who is at that address.
    caf::result<void>(peer_atom, std::string, bool),
    // Who is in that session had all that this node had, and has lost nothing since it began the
    // other session: to be remembered.
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
