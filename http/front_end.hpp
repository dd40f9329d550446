#pragma once

// The clients' door: the front-end actor, which turns what a request asks for into typed messages
// to the other actors.
//
// HTTP threads parse (request.hpp) and write JSON (reply.hpp); in between they hand the actor what
// is asked for and wait for what came of it, no longer than the configured time.

#include "actors/shard.hpp"
#include "config/options.hpp"
#include "http/api/request.hpp"
#include "http/listener.hpp"
#include "http/reply_to.hpp"
#include "wire/seal.hpp"

#include <caf/actor_system.hpp>
#include <caf/typed_actor.hpp>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <variant>

namespace starling::http {

/// What GET /cluster and GET /metrics are made of.
struct node_report {
  actors::membership_report membership;
  actors::gossip_report gossip;
  actors::storage_report storage;
};

/// What the actors answer a client: a value, some keys, a report, or why not.
using answer = std::variant<caf::error, crdt::view, crdt::key_page, node_report>;

} // namespace starling::http

CAF_BEGIN_TYPE_ID_BLOCK(starling_http, caf::id_block::starling_handles::end)
  CAF_ADD_TYPE_ID(starling_http, (starling::http::reply_to<starling::http::answer>))
  CAF_ADD_ATOM(starling_http, starling::http, report_atom)
CAF_END_TYPE_ID_BLOCK(starling_http)

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(starling::http::reply_to<starling::http::answer>)

namespace starling::http {

/// Makes the types above known to CAF, and those of the actors. Call it before the first
/// configuration object exists.
void register_types();

using front_end_actor = caf::typed_actor<
    // A client's read.
    caf::result<void>(crdt::key, crdt::query, reply_to<answer>),
    // A client's write.
    caf::result<void>(crdt::key, crdt::command, reply_to<answer>),
    // Which keys there are: asked of all shards.
    caf::result<void>(crdt::key_query, reply_to<answer>),
    // How the node is.
    caf::result<void>(report_atom, reply_to<answer>)>;

struct front_end_context {
  actors::shard_map shards;
  actors::gossip_actor gossip;
  actors::membership_actor membership;
  actors::reader_actor reader{}; // knows all keys, where there is a disk
  actors::storage_actor storage{};
  std::size_t waiting_bytes_max = 64 << 20; // of what clients ask of one key
};

front_end_actor spawn_front_end(caf::actor_system& sys, const front_end_context& context);

/// The listener for clients and the actor behind it.
class front_end {
public:
  struct settings {
    config::http_options options;
    wire::secret secret;      // authenticates contexts
    crdt::replica_id replica; // for display
    std::chrono::sys_seconds started;
  };

  front_end(caf::actor_system& sys, settings with, const front_end_context& context);

  front_end(const front_end&) = delete;
  front_end& operator=(const front_end&) = delete;
  ~front_end();

  /// Opens the port; the reason if that fails.
  std::optional<std::string> start();

  /// From now on writes are answered with a problem and the node is not ready. Returns when no
  /// write is under way any more. From any thread.
  void refuse_writes();

  /// From now on writes are taken again. From any thread.
  void take_writes();

  /// Lets requests under way finish and closes the port, then ends the actor, for which they wait.
  /// Idempotent.
  void stop();

private:
  response handle(const request& r);
  response handle(parsed& asked);
  response reply(const read_request& asked);
  response reply(write_request& asked);
  response reply(const keys_request& asked);
  response reply(index_request);
  response reply(cluster_request);
  response reply(health_request);
  response reply(ready_request);
  response reply(metrics_request);
  response reply(const options_request& asked);
  response reply(const problem& what);

  response carry_out(write_request& asked);

  /// Writes what a client sees of a value.
  using writer = response (*)(const crdt::key&, const crdt::view&, const wire::secret&, style);
  response show(const crdt::key& key, const std::variant<answer, problem>& outcome, writer write,
                style how) const;

  template <class... Ts>
  std::variant<answer, problem> ask(Ts&&... question);

  caf::actor_system& sys_;
  settings settings_;
  front_end_actor actor_;
  std::atomic<bool> stopping_ = false;
  std::atomic<std::chrono::steady_clock::time_point> stop_at_{
      std::chrono::steady_clock::time_point::max()}; // no client is waited for any longer
  std::atomic<bool> leaving_ = false;
  std::atomic<std::size_t> writes_ = 0; // under way
  std::unique_ptr<listener> listener_;
};

} // namespace starling::http
