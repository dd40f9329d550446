#pragma once

// What the actors say to each other. Everything here stays inside the process: nodes talk HTTP (see
// peer_client.hpp), so no type is serialized by CAF, and the values of the layers below travel as
// they are.

#include "actors/batch.hpp"
#include "crdt/command.hpp"
#include "crdt/key_query.hpp"
#include "crdt/view.hpp"
#include "keyspace/answers.hpp"
#include "membership/outputs.hpp"
#include "replication/gossip.hpp"
#include "storage/identity.hpp"
#include "storage/reading.hpp"

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/default_enum_inspect.hpp>
#include <caf/error.hpp>
#include <caf/type_id.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace starling::actors {

/// Why an actor did not do what it was asked. Nothing was changed, but for `write_unknown`.
enum class errc : std::uint8_t {
  no_such_key = 1,
  counter_range, // the counter would leave the signed 64-bit range
  exhausted,     // no event number or stamp is left for this value
  value_too_large,
  bad_message,  // bytes from a peer that are not what they should be
  foreign_peer, // a peer of another cluster, or one that cannot prove that it is of ours
  unreachable,  // no answer from a peer
  disk_full,
  disk_failed,   // the disk takes no writes
  being_mended,  // the disk has lost what it had of this key, and nobody has brought it back yet
  unreadable,    // something on the disk cannot be read
  write_unknown, // the disk failed within the commit: the change may be there at the next start
  key_busy,      // too much waits for this key already
  newer_format,  // the value is in a format that this version does not know
};

/// Whether it is for what this node's disk does, or has.
bool is_of_disk(const caf::error& why);

// What a key's core is told of the failures of others, and what its own are to others.

keyspace::failure to_failure(const caf::error& why);
caf::error to_error(const keyspace::failure& why);

std::string to_string(errc code);

/// The sentence that came with an error, for a log; its code if there was none.
std::string reason_of(const caf::error& why);

bool from_string(caf::string_view text, errc& code);
bool from_integer(std::uint8_t number, errc& code);

template <class Inspector>
bool inspect(Inspector& f, errc& code) {
  return caf::default_enum_inspect(f, code);
}

using keyspace::novelty;

using write_slot = write_batch::slot;
using join_slot = join_batch::slot;
using news_slot = news_batch::slot;

/// What the store has of a key.
struct kept_value {
  std::optional<storage::held_value> value; // nothing if the key was never written
};

/// What a key that is to rest leaves behind.
struct rested_key {
  bool is_at_rest = false; // else it is at work, and stays
  std::string state;       // encoded, if nothing else keeps it; empty if nothing was ever written
};

/// Whether it is known that nobody has later events of this node than its disk.
enum class certainty : std::uint8_t {
  certain,
  asked,    // others are asked, and clients' writes wait
  doubtful, // nobody answers: who has to number something gets another replica id
};

/// A word.
std::string_view to_string(certainty c);

/// What the storage actor knows of itself, for display.
struct storage_report {
  std::optional<storage::failure> failure; // why nothing is written any more
  std::optional<std::string> damage;       // that was found, and waits for the next start
  std::optional<std::string> unreadable;   // what else could not be read lately
  bool is_mending = false;                 // keys that were lost are not back yet
  std::optional<crdt::replica_id> replica; // who numbers this node's events, if there is a disk
  certainty replica_state = certainty::certain;
  bool were_rows_removed = false; // all that was on the disk was removed before this start
  bool holds_writes = false;      // until that is certain
  std::string unanswered{};       // who has not said what he knows of this node
};

/// What the gossip actor knows of itself, for display.
struct gossip_report {
  replication::session_id self;
  std::uint64_t log_entries = 0;
  std::uint64_t log_bytes = 0;
  replication::digest root;       // of all keys
  std::uint64_t keys = 0;         // in it
  std::uint64_t unknown_keys = 0; // on the disk, of types or formats that this version knows not
  std::vector<replication::gossip::peer_status> peers;
  std::map<replication::session_id, std::chrono::milliseconds> lags; // of those that lack something

  /// Some of the values that a peer does not take.
  std::map<replication::session_id, std::vector<crdt::key>> refused;
};

/// A member that may be gossiped with.
struct gossip_peer {
  membership::node_id id;
  replication::session_id session;
  std::string address;
  replication::peer_dialect how{};
  friend bool operator==(const gossip_peer&, const gossip_peer&) = default;
};

/// A datagram that came in.
struct datagram {
  membership::udp_address from;
  std::string bytes;
};

/// Datagrams that came in together. They count as waiting for as long as a copy of this lives.
struct datagrams {
  std::chrono::steady_clock::time_point received;
  std::vector<datagram> items;
  std::shared_ptr<const void> waiting;
};

using wall_time = std::chrono::sys_time<std::chrono::milliseconds>;

/// What the membership actor knows of one other member, for display.
struct member_report {
  membership::member record;
  wall_time since;                    // when it came to be in its state
  membership::duration round_trip{0}; // zero without a sample
  std::uint8_t health = 0;
  bool replaced = false;    // dead, and another member is at its address
  bool own_verdict = false; // it is dead because this node found so
  bool udp = true;          // datagrams get through, as far as is known
  bool tcp = true;          // so do calls
  bool tcp_in = true;       // and calls of its own reach this node, as it says
  bool unreached = false;   // it says again and again that it lives, and nothing gets in to it
};

/// A node that is no member for another.
struct refusal_report {
  std::string address; // of the other side
  std::string name;    // the same; may be empty
  std::string reason;  // a word
  std::string why;     // a sentence
  wall_time since;
};

/// What the membership actor knows, for display.
struct membership_report {
  membership::member self;
  unsigned health = 0;
  bool isolated = false;
  std::string alone; // what came of the seeds, if nobody else is there who should be
  bool leaving = false;
  bool unreached = false;                  // others accuse it again and again, and nothing gets in
  std::optional<membership::member> rival; // who claims its address
  std::vector<member_report> peers;
  std::vector<refusal_report> refused_by; // for whom this node is no member
  std::vector<refusal_report> refuses;    // who is no member for this node
  std::vector<std::string> unreached_seeds;
  bool joined = false;
  membership::abilities all_can{}; // what all members can
};

/// How a node left its cluster.
struct leave_report {
  std::uint64_t others = 0; // members alive then, this one not counted
  std::uint64_t acknowledged =
      0;                     // those of them that said that they know; the rest is told by them
  std::uint64_t lacking = 0; // those that lack something of ours; then the node does not leave
  bool left = false;
};

enum class backup_state : std::uint8_t { none, running, made, failed, refused };

/// How the last backup of a node goes, or why none was begun.
struct backup_report {
  std::string folder;
  backup_state state = backup_state::none;
  std::string why; // it failed or was refused
};

} // namespace starling::actors

CAF_BEGIN_TYPE_ID_BLOCK(starling, first_custom_type_id)
  CAF_ADD_TYPE_ID(starling, (starling::actors::backup_report))
  CAF_ADD_TYPE_ID(starling, (starling::actors::datagrams))
  CAF_ADD_TYPE_ID(starling, (starling::actors::errc))
  CAF_ADD_TYPE_ID(starling, (starling::actors::gossip_peer))
  CAF_ADD_TYPE_ID(starling, (starling::actors::gossip_report))
  CAF_ADD_TYPE_ID(starling, (starling::actors::join_slot))
  CAF_ADD_TYPE_ID(starling, (starling::actors::kept_value))
  CAF_ADD_TYPE_ID(starling, (starling::actors::leave_report))
  CAF_ADD_TYPE_ID(starling, (starling::actors::membership_report))
  CAF_ADD_TYPE_ID(starling, (starling::actors::news_slot))
  CAF_ADD_TYPE_ID(starling, (starling::keyspace::join_outcome))
  CAF_ADD_TYPE_ID(starling, (starling::keyspace::novelty))
  CAF_ADD_TYPE_ID(starling, (starling::actors::rested_key))
  CAF_ADD_TYPE_ID(starling, (starling::actors::storage_report))
  CAF_ADD_TYPE_ID(starling, (starling::actors::write_slot))
  CAF_ADD_TYPE_ID(starling, (starling::crdt::command))
  CAF_ADD_TYPE_ID(starling, (starling::crdt::key))
  CAF_ADD_TYPE_ID(starling, (starling::crdt::key_query))
  CAF_ADD_TYPE_ID(starling, (starling::crdt::query))
  CAF_ADD_TYPE_ID(starling, (starling::crdt::value))
  CAF_ADD_TYPE_ID(starling, (starling::crdt::view))
  CAF_ADD_TYPE_ID(starling, (starling::membership::call_kind))
  CAF_ADD_TYPE_ID(starling, (starling::membership::node_id))
  CAF_ADD_TYPE_ID(starling, (starling::crdt::replica_id))
  CAF_ADD_TYPE_ID(starling, (starling::membership::udp_address))
  CAF_ADD_TYPE_ID(starling, (starling::storage::batch))
  CAF_ADD_TYPE_ID(starling, (starling::storage::digests_page))
  CAF_ADD_TYPE_ID(starling, (starling::storage::failure))
  CAF_ADD_TYPE_ID(starling, (starling::storage::renewal))
  CAF_ADD_TYPE_ID(starling, (starling::storage::some_rows))
  CAF_ADD_TYPE_ID(starling, (starling::storage::wanted_rows))
  CAF_ADD_TYPE_ID(starling, (std::optional<starling::crdt::key>))
  CAF_ADD_TYPE_ID(starling, (std::vector<starling::actors::join_slot>))
  CAF_ADD_TYPE_ID(starling, (std::vector<starling::actors::news_slot>))
  CAF_ADD_TYPE_ID(starling, (std::vector<starling::actors::write_slot>))
  CAF_ADD_TYPE_ID(starling, (std::vector<starling::crdt::key>))
  CAF_ADD_TYPE_ID(starling, (std::vector<starling::membership::udp_address>))

  CAF_ADD_ATOM(starling, starling::actors, apply_atom)
  CAF_ADD_ATOM(starling, starling::actors, back_up_atom)
  CAF_ADD_ATOM(starling, starling::actors, commit_atom)
  CAF_ADD_ATOM(starling, starling::actors, confirm_atom)
  CAF_ADD_ATOM(starling, starling::actors, damaged_atom)
  CAF_ADD_ATOM(starling, starling::actors, delta_atom)
  CAF_ADD_ATOM(starling, starling::actors, doubt_atom)
  CAF_ADD_ATOM(starling, starling::actors, digests_atom)
  CAF_ADD_ATOM(starling, starling::actors, flush_atom)
  CAF_ADD_ATOM(starling, starling::actors, join_atom)
  CAF_ADD_ATOM(starling, starling::actors, keys_atom)
  CAF_ADD_ATOM(starling, starling::actors, leave_atom)
  CAF_ADD_ATOM(starling, starling::actors, load_atom)
  CAF_ADD_ATOM(starling, starling::actors, lost_atom)
  CAF_ADD_ATOM(starling, starling::actors, members_atom)
  CAF_ADD_ATOM(starling, starling::actors, mended_atom)
  CAF_ADD_ATOM(starling, starling::actors, message_atom)
  CAF_ADD_ATOM(starling, starling::actors, news_atom)
  CAF_ADD_ATOM(starling, starling::actors, note_atom)
  CAF_ADD_ATOM(starling, starling::actors, number_atom)
  CAF_ADD_ATOM(starling, starling::actors, peer_atom)
  CAF_ADD_ATOM(starling, starling::actors, post_atom)
  CAF_ADD_ATOM(starling, starling::actors, question_atom)
  CAF_ADD_ATOM(starling, starling::actors, read_atom)
  CAF_ADD_ATOM(starling, starling::actors, renew_atom)
  CAF_ADD_ATOM(starling, starling::actors, report_atom)
  CAF_ADD_ATOM(starling, starling::actors, resolve_atom)
  CAF_ADD_ATOM(starling, starling::actors, rest_atom)
  CAF_ADD_ATOM(starling, starling::actors, shards_atom)
  CAF_ADD_ATOM(starling, starling::actors, start_atom)
  CAF_ADD_ATOM(starling, starling::actors, state_atom)
  CAF_ADD_ATOM(starling, starling::actors, tick_atom)
  CAF_ADD_ATOM(starling, starling::actors, watch_atom)
CAF_END_TYPE_ID_BLOCK(starling)

CAF_ERROR_CODE_ENUM(starling::actors::errc)

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(starling::actors::backup_report)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(starling::actors::datagrams)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(starling::actors::gossip_peer)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(starling::actors::gossip_report)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(starling::actors::join_slot)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(starling::actors::leave_report)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(starling::actors::membership_report)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(starling::actors::news_slot)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(starling::keyspace::join_outcome)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(starling::keyspace::novelty)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(starling::crdt::command)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(starling::crdt::key)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(starling::crdt::key_query)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(starling::crdt::query)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(starling::crdt::value)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(starling::crdt::view)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(starling::membership::call_kind)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(starling::membership::node_id)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(starling::membership::udp_address)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(starling::actors::kept_value)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(starling::actors::rested_key)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(starling::actors::storage_report)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(starling::actors::write_slot)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(starling::crdt::replica_id)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(starling::storage::batch)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(starling::storage::digests_page)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(starling::storage::failure)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(starling::storage::renewal)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(starling::storage::some_rows)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(starling::storage::wanted_rows)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::optional<starling::crdt::key>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::vector<starling::actors::join_slot>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::vector<starling::actors::news_slot>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::vector<starling::actors::write_slot>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::vector<starling::crdt::key>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::vector<starling::membership::udp_address>)

namespace starling::actors {

/// Makes these types, and those of interfaces.hpp, known to CAF. Call it before the first
/// configuration object exists.
void register_types();

} // namespace starling::actors
