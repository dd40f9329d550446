#pragma once

// The actor behind the service: turns what clients ask for into typed messages to the other actors.
//
// It bounds what waits for each key, and knows which writes are under way, so that writes can be
// refused from some message on.

#include "actors/reply_to.hpp"
#include "actors/shard.hpp"
#include "node/node_report.hpp"

#include <caf/actor_system.hpp>
#include <caf/typed_actor.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace starling::node {

/// A command for a key.
using actors::write_order;

/// What came of some orders, in their order.
using write_outcomes = std::vector<outcome<crdt::view>>;

using view_reply = actors::reply_to<outcome<crdt::view>>;
using views_reply = actors::reply_to<write_outcomes>;
using keys_reply = actors::reply_to<outcome<crdt::key_page>>;
using report_reply = actors::reply_to<outcome<node_report>>;
using yes_reply = actors::reply_to<bool>;

} // namespace starling::node

CAF_BEGIN_TYPE_ID_BLOCK(starling_node, caf::id_block::starling_handles::end)
  CAF_ADD_TYPE_ID(starling_node, (std::vector<starling::node::write_order>))
  CAF_ADD_TYPE_ID(starling_node, (starling::node::write_outcomes))
  CAF_ADD_TYPE_ID(starling_node, (starling::node::view_reply))
  CAF_ADD_TYPE_ID(starling_node, (starling::node::views_reply))
  CAF_ADD_TYPE_ID(starling_node, (starling::node::keys_reply))
  CAF_ADD_TYPE_ID(starling_node, (starling::node::report_reply))
  CAF_ADD_TYPE_ID(starling_node, (starling::node::yes_reply))
  CAF_ADD_ATOM(starling_node, starling::node, refuse_writes_atom)
  CAF_ADD_ATOM(starling_node, starling::node, take_writes_atom)
  CAF_ADD_ATOM(starling_node, starling::node, written_atom)
CAF_END_TYPE_ID_BLOCK(starling_node)

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::vector<starling::node::write_order>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(starling::node::write_outcomes)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(starling::node::view_reply)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(starling::node::views_reply)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(starling::node::keys_reply)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(starling::node::report_reply)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(starling::node::yes_reply)

namespace starling::node {

/// Makes the types above known to CAF, and those of the actors. Call it before the first
/// configuration object exists.
void register_types();

using service_actor =
    caf::typed_actor<caf::result<void>(actors::read_atom, crdt::key, crdt::query, view_reply),
                     caf::result<void>(actors::apply_atom, crdt::key, crdt::command, view_reply),
                     // Several commands.
                     caf::result<void>(actors::apply_atom, std::vector<write_order>, views_reply),
                     // What came of those of a call; its own message to itself.
                     caf::result<void>(written_atom, std::uint64_t, write_outcomes),
                     // Which keys there are: asked of all shards, or of the disk.
                     caf::result<void>(actors::keys_atom, crdt::key_query, keys_reply),
                     // How the node is.
                     caf::result<void>(actors::report_atom, report_reply),
                     // Refuses writes from now on. Answers with yes when no write is under way any
                     // more.
                     caf::result<void>(refuse_writes_atom, yes_reply),
                     // Takes writes again. Who still waits for the last of them gets a no.
                     caf::result<void>(take_writes_atom)>;

struct service_context {
  actors::shard_map shards;
  actors::gossip_actor gossip;
  actors::membership_actor membership;
  actors::reader_actor reader{}; // knows all keys, where there is a disk
  actors::storage_actor storage{};
  std::size_t waiting_bytes_max = 64 << 20; // of what clients ask of one key
};

service_actor spawn_service(caf::actor_system& sys, const service_context& context);

} // namespace starling::node
