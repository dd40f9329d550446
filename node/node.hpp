#pragma once

// A node without its HTTP listeners: who it is, and its actors, wired to each other.

#include "actors/shard.hpp"
#include "actors/swim_socket.hpp"
#include "config/options.hpp"
#include "node/home.hpp"
#include "wire/seal.hpp"

#include <caf/actor_system.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

namespace starling::node {

class node {
public:
  /// Starts the actors. `o` is as `parse` returns it. `start_again` is called when the node should
  /// end and another be made with a home that is opened anew, to go on with a disk that failed.
  node(
      caf::actor_system& sys, const config::options& o, const home& at,
      std::function<void()> start_again = [] {});

  node(const node&) = delete;
  node& operator=(const node&) = delete;

  /// Opens the port for datagrams and takes part in the cluster from now on, so the cluster's
  /// listener should be open. The reason if that fails.
  std::optional<std::string> start();

  /// Hands on what the peers lack and leaves the cluster: the others will not take this node for
  /// dead. Tries for `gossip.leave-timeout`, and does not leave if a peer lacks something still.
  /// Blocks until it is done. The caller sees to it that nobody writes meanwhile. From any thread.
  actors::leave_report leave();

  /// As `stop`.
  ~node();

  /// Hands on what the peers lack, for `gossip.stop-timeout` at most, and ends the gossip actor:
  /// whoever waits for it to join something gets an error. Idempotent.
  void stop_gossip();

  /// The same, and ends all other actors. What still waits to be joined is dropped: nobody was told
  /// that it is. Idempotent.
  void stop();

  /// Whether a backup was being made when the node stopped. It is finished before the actor system
  /// ends.
  bool is_copying() const { return is_copying_; }

  const actors::shard_map& shards() const { return shards_; }
  const actors::gossip_actor& gossip() const { return gossip_; }

  // Nobody without a disk.
  const actors::storage_actor& storage() const { return storage_; }
  actors::reader_actor reader() const {
    return readers_.empty() ? actors::reader_actor{} : readers_.front();
  }
  const actors::membership_actor& membership() const { return membership_; }
  const actors::backup_actor& backup() const { return backup_; }

private:
  void start_inquiry(const config::options& o, const identity& who, std::uint64_t changes,
                     const std::set<replication::session_id>& witnesses,
                     const std::vector<std::string>& members);
  void start_storage(const config::options& o, const home& at, const replication::digester& digests,
                     std::function<void()> start_again);
  std::uint64_t lacking_after_handing_on();
  template <class Atom>
  void hand_on(Atom how, std::chrono::milliseconds most);
  template <class Report, class Actor>
  void let_handle(const Actor& actor);
  struct peer_count {
    std::size_t all = 0;
    std::uint64_t lacking = 0;
  };
  peer_count lacking_peers();

  caf::actor_system& sys_;
  actors::swim_socket socket_;
  std::optional<std::string> socket_failure_;
  std::chrono::milliseconds leave_timeout_;
  std::chrono::milliseconds hand_on_timeout_;
  std::chrono::milliseconds stop_timeout_;
  std::atomic<bool> has_stopped_gossip_ = false;
  std::stop_source stop_; // of messages to peers
  actors::peer_client_actor peers_;
  actors::resolver_actor resolver_;
  actors::resolver_actor seed_resolver_;
  actors::membership_actor membership_;
  actors::gossip_actor gossip_;
  actors::shard_map shards_{{}};
  std::shared_ptr<storage::store> rows_;
  actors::storage_actor storage_;
  actors::inquiry_actor inquiry_;
  std::function<void()> ask_others_; // what they know of this node; none if that is settled
  std::vector<actors::reader_actor> readers_;
  actors::verifier_actor verifier_;
  actors::copier_actor copier_;
  actors::backup_actor backup_;
  bool is_copying_ = false;
};

/// The most bytes that a message between nodes may have with these options.
std::size_t peer_message_bytes_max(const config::options& o);

} // namespace starling::node
