// Gossip and key actors of several nodes, over a network that loses messages.

#include "gossip_fixture.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <algorithm>
#include <cstdlib>
#include <random>

namespace starling::actors {
namespace {

struct test_node {
  gossip_actor gossip;
  shard_map shards;
};

/// Nodes that reach each other through peer clients that lose messages and answers at random.
class GossipNetwork : public actor_test {
protected:
  using network = std::map<std::string, gossip_actor>;

  GossipNetwork() {
    const auto* given = std::getenv("STARLING_TEST_SEED");
    seed = given != nullptr ? std::strtoull(given, nullptr, 10) : 20'240'229;
    random.seed(seed);
  }

  /// Starts a node and makes it and those that are there already known to each other.
  test_node& start(const std::string& address, std::uint64_t session) {
    const auto gossip =
        track(spawn_gossip(sys, {.session = {session},
                                 .limits = limits,
                                 .digests = digests,
                                 .interval = round_interval,
                                 .prompt_delay = prompt_delay,
                                 .random_seed = seed + session,
                                 .peers = track(is_slow ? spawn_lossy_wire() : spawn_wire()),
                                 .membership = members.handle()}));
    auto shards = spawn_shards(sys, 3, crdt::replica_id::from(session, session), gossip);
    for (const auto& shard : shards)
      track(shard);
    tell(gossip, shards_atom_v, shards);
    (*reachable)[address] = gossip;
    for (const auto& [other_address, other] : nodes) {
      if (sessions.contains(address))
        tell(other.gossip, lost_atom_v, make_peer("", sessions.at(address)).id);
      tell(other.gossip, peer_atom_v, make_peer(address, session));
      tell(gossip, peer_atom_v, make_peer(other_address, sessions.at(other_address)));
    }
    nodes.insert_or_assign(address, test_node{gossip, shard_map{std::move(shards)}});
    sessions[address] = session;
    return nodes.at(address);
  }

  void stop(const std::string& address) {
    caf::anon_send_exit(nodes.at(address).gossip, caf::exit_reason::user_shutdown);
    reachable->erase(address);
    nodes.erase(address);
    settle();
  }

  /// A peer client whose posts go straight to the other node's gossip actor.
  peer_client_actor spawn_wire() {
    return sys.spawn([this, net = reachable](
                         peer_client_actor::pointer self) -> peer_client_actor::behavior_type {
      return {[this, net, self](post_atom, const std::string& address, const std::string&,
                                const std::string& body) -> caf::result<std::string> {
        const auto to = net->find(address);
        if (to == net->end() || is_lost())
          return errc::unreachable;
        auto promise = self->make_response_promise<std::string>();
        self->request(to->second, caf::infinite, message_atom_v, body)
            .then(
                [this, promise](std::string& answer) mutable {
                  if (is_lost())
                    promise.deliver(caf::make_error(errc::unreachable));
                  else
                    promise.deliver(std::move(answer));
                },
                [promise](caf::error& why) mutable { promise.deliver(std::move(why)); });
        return promise;
      }};
    });
  }

  bool is_lost() { return random() % 100 < loss_percent; }

  /// What a connection takes for some bytes where packets get lost: each packet that is lost is
  /// sent again after a while.
  milliseconds time_for(std::size_t bytes) {
    auto result = milliseconds{1};
    for (auto packets = 1 + bytes / 1400; packets > 0; --packets)
      while (is_lost())
        result += milliseconds{200};
    return result;
  }

  /// A peer client that has a connection for each message: what takes too long has failed.
  peer_client_actor spawn_lossy_wire() {
    return sys.spawn([this, net = reachable](
                         peer_client_actor::pointer self) -> peer_client_actor::behavior_type {
      return {[this, net, self](post_atom, const std::string& address, const std::string&,
                                const std::string& body) -> caf::result<std::string> {
        constexpr milliseconds peer_timeout{5000};
        auto promise = self->make_response_promise<std::string>();
        const auto connected = time_for(0) + time_for(0); // there and back
        const auto asked = connected + time_for(body.size());
        auto fail = [promise]() mutable { promise.deliver(caf::make_error(errc::unreachable)); };
        if (asked > peer_timeout) {
          self->run_delayed(peer_timeout, fail);
          return promise;
        }
        self->run_delayed(asked, [=, this, to = net->at(address)]() mutable {
          self->request(to, caf::infinite, message_atom_v, body)
              .then(
                  [=, this](std::string& answer) mutable {
                    const auto answered = asked + time_for(answer.size());
                    if (answered > peer_timeout)
                      return static_cast<void>(self->run_delayed(peer_timeout - asked, fail));
                    self->run_delayed(answered - asked,
                                      [promise, answer = std::move(answer)]() mutable {
                                        promise.deliver(std::move(answer));
                                      });
                  },
                  [promise](caf::error& why) mutable { promise.deliver(std::move(why)); });
        });
        return promise;
      }};
    });
  }

  bool are_equal() {
    const auto root_of = [this](const test_node& node) {
      return ask<gossip_report>(node.gossip, report_atom_v).root;
    };
    const auto first = root_of(nodes.begin()->second);
    return std::ranges::all_of(nodes,
                               [&](const auto& one) { return root_of(one.second) == first; });
  }

  void write(test_node& node, const crdt::key& key, const crdt::command& c) {
    ask<crdt::view>(node.shards.route(key), apply_atom_v, key, c);
  }

  /// A write of any kind to any key at any node.
  void write_at_random() {
    auto& node = std::next(nodes.begin(), static_cast<long>(random() % nodes.size()))->second;
    const auto name = "key-" + std::to_string(random() % 10);
    const auto text = std::to_string(random() % 5);
    switch (random() % 4) {
    case 0:
      return write(node, {type::counter, name},
                   increment(static_cast<std::int64_t>(random() % 9) + 1));
    case 1:
      return write(node, {type::register_, name}, assign(text));
    case 2:
      return write(node, {type::set, name}, add(text));
    default:
      return write(node, {type::set, name}, remove(text));
    }
  }

  static inline const crdt::key_query all_keys{.limit = SIZE_MAX};

  /// Every value of a node, encoded.
  std::map<crdt::key, std::string> contents(const test_node& node) {
    std::map<crdt::key, std::string> result;
    for (const auto& shard : node.shards.all())
      for (const auto& key : ask<std::vector<crdt::key>>(shard, keys_atom_v, all_keys)) {
        auto bytes = ask<std::string>(shard, state_atom_v, key);
        if (!bytes.empty())
          result[key] = std::move(bytes);
      }
    return result;
  }

  void expect_equal_contents() {
    const auto first = contents(nodes.begin()->second);
    EXPECT_FALSE(first.empty());
    for (const auto& [address, node] : nodes)
      EXPECT_EQ(contents(node), first) << address << " differs; STARLING_TEST_SEED=" << seed;
  }

  std::uint64_t seed = 0;
  std::mt19937_64 random;
  unsigned loss_percent = 0;
  bool is_slow = false;
  replication::gossip_limits limits{.message_bytes = 200, .log_bytes = 2000};
  milliseconds round_interval = interval;
  milliseconds prompt_delay{0};
  fake_membership members{sys};
  std::shared_ptr<network> reachable = std::make_shared<network>();
  std::map<std::string, test_node> nodes;
  std::map<std::string, std::uint64_t> sessions;
};

TEST_F(GossipNetwork, BringsAWriteToTheOtherNodeWithinOneRound) {
  auto& one = start("one:1", 1);
  auto& two = start("two:1", 2);
  advance(2 * interval);
  const crdt::key visitors{type::counter, "visitors"};

  write(one, visitors, increment(5));
  advance(interval);

  EXPECT_EQ(ask<crdt::view>(two.shards.route(visitors), read_atom_v, visitors, crdt::query{}),
            counter_view(5));
}

TEST_F(GossipNetwork, ConvergesThoughMessagesAndAnswersAreLost) {
  start("one:1", 1);
  start("two:1", 2);
  loss_percent = 40;
  for (int i = 0; i < 200; ++i) {
    write_at_random();
    advance(milliseconds{random() % 700});
  }

  loss_percent = 0;
  advance(10 * interval);

  expect_equal_contents();
  for (const auto& [address, node] : nodes)
    EXPECT_EQ(ask<gossip_report>(node.gossip, report_atom_v).log_entries, 0u) << address;
}

TEST_F(GossipNetwork, ConvergesWithThreeNodesOfWhichOneStartsAnew) {
  start("one:1", 1);
  start("two:1", 2);
  start("three:1", 3);
  loss_percent = 20;
  for (int i = 0; i < 200; ++i) {
    write_at_random();
    advance(milliseconds{random() % 700});
    if (i == 100)
      stop("three:1");
    if (i == 120)
      start("three:1", 33);
  }

  loss_percent = 0;
  advance(20 * interval);

  expect_equal_contents();
}

TEST_F(GossipNetwork, BecomesEqualSoonWhereEveryThirdPacketIsLost) {
  is_slow = true;
  limits = {};
  round_interval = milliseconds{5000}; // as is usual
  prompt_delay = milliseconds{10};
  loss_percent = 30;
  for (std::uint64_t i = 1; i <= 3; ++i)
    start(std::to_string(i) + ":1", i);
  for (int i = 0; i < 20; ++i)
    for (auto& [address, node] : nodes)
      write(node, {type::register_, address + std::to_string(i)}, assign(std::string(500, 'x')));

  milliseconds passed{0};
  for (; passed < milliseconds{60'000} && !are_equal(); passed += milliseconds{100})
    advance(milliseconds{100});

  expect_equal_contents();
  EXPECT_EQ(contents(nodes.begin()->second).size(), 60u);
  EXPECT_LT(passed, milliseconds{15'000}) << "STARLING_TEST_SEED=" << seed;
}

} // namespace
} // namespace starling::actors
