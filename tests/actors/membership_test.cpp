#include "actors/membership.hpp"
#include "fixture.hpp"
#include "wire/call_guard.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <deque>
#include <gmock/gmock.h>
#include <map>
#include <set>

namespace starling::actors {
namespace {

using namespace std::chrono_literals;
using membership::call_kind;
using membership::member_state;
using membership::udp_address;
using std::chrono::milliseconds;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

constexpr std::uint64_t wall_clock = 1'700'000'000'000;

/// Membership actors that reach each other over a network in memory. A node's number is its
/// session, its id, and part of its addresses.
class MembershipActor : public actor_test {
protected:
  struct fake_node {
    fake_node(caf::actor_system& sys, std::uint64_t number)
        : resolver(sys), seeds(sys), gossip(sys), guard({number}, 100) {}

    membership_actor actor;
    fake_resolver resolver; // of its own name
    fake_resolver seeds;
    fake_gossip gossip;
    wire::call_guard guard;
    std::deque<datagram> queued; // in its socket, if it hands over nothing by itself
    bool hands_over = true;
    std::size_t sent = 0;
  };

  ~MembershipActor() override {
    for (const auto& [number, node] : nodes) // an actor that ends has members remembered
      caf::anon_send_exit(node->actor, caf::exit_reason::user_shutdown);
    settle();
  }

  static std::string address(std::uint64_t number) {
    return "node-" + std::to_string(number) + ":1";
  }

  static udp_address where(std::uint64_t number) {
    return udp_address::v4(10, 0, 0, static_cast<std::uint8_t>(number), 1);
  }

  static membership::node_id id(std::uint64_t number) {
    return membership::node_id::from(number, number);
  }

  /// A node that was not told to start.
  fake_node& spawn(std::uint64_t number, std::vector<std::string> seeds) {
    auto& node = *nodes.emplace(number, std::make_unique<fake_node>(sys, number)).first->second;
    node.resolver.set(where(number));
    for (std::uint64_t other = 1; other < 10; ++other)
      node.seeds.set(address(other), {where(other)});
    const membership_context context{
        .self = {.id = id(number),
                 .generation = wall_clock,
                 .wall_clock = wall_clock,
                 .session = {number},
                 .address = address(number),
                 .name = "node-" + std::to_string(number),
                 .http_address = "",
                 .abilities = {.values = {{1, 1}, {2, 1}, {3, 1}}}},
        .settings = settings,
        .secret = wire::secret{"starling", "a key of this cluster"},
        .seeds = std::move(seeds),
        .random_seed = number,
        .peers = track(spawn_wire(number)),
        .resolver = node.resolver.handle(),
        .seed_resolver = node.seeds.handle(),
        .is_for_others = is_for_others,
        .resolve_interval = resolve_interval,
        .resolve_retry = resolve_retry,
        .send = [this, number](const udp_address& to,
                               std::string_view bytes) { send(number, to, bytes); },
        .take =
            [&node] {
              std::vector<datagram> result{node.queued.begin(), node.queued.end()};
              node.queued.clear();
              return result;
            },
        .renamed =
            [this, &node](const membership::node_id& now, std::uint64_t) {
              renamed.push_back({now, node.sent});
            },
        .remembered = remembered,
        .remember = [this, number](const auto& members) { kept[number].push_back(members); }};
    node.actor = track(spawn_membership(sys, context));
    return node;
  }

  fake_node& start(std::uint64_t number, std::vector<std::string> seeds) {
    auto& node = spawn(number, std::move(seeds));
    tell(node.actor, watch_atom_v, node.gossip.handle());
    tell(node.actor, start_atom_v);
    return node;
  }

  /// Nodes 1 to `count`, which know each other.
  void start_cluster(std::uint64_t count) {
    for (std::uint64_t number = 1; number <= count; ++number)
      start(number, {address(1)});
    advance(2s);
    for (std::uint64_t number = 1; number <= count; ++number)
      EXPECT_EQ(report(number).peers.size(), count - 1);
  }

  void send(std::uint64_t from, const udp_address& to, std::string_view bytes) {
    ++nodes.at(from)->sent;
    for (auto& [number, node] : nodes) {
      if (where(number) != to || cut.contains(number) || cut.contains(from))
        continue;
      const datagram one{where(from), std::string{bytes}};
      if (node->hands_over)
        caf::anon_send(node->actor, datagrams{now(), {one}, nullptr});
      else
        node->queued.push_back(one);
    }
  }

  /// A peer client whose posts go straight to the other node.
  peer_client_actor spawn_wire(std::uint64_t from) {
    return sys.spawn(
        [this, from](peer_client_actor::pointer self) -> peer_client_actor::behavior_type {
          return {[this, self, from](post_atom, const std::string& to, const std::string& path,
                                     const std::string& body) -> caf::result<std::string> {
            calls.push_back({to, path, body});
            if (script)
              return script(calls.back());
            for (auto& [number, node] : nodes)
              if (is_of(to, number) && !cut.contains(number) && !cut.contains(from))
                for (const auto kind : {call_kind::sync, call_kind::ping})
                  if (path == path_of(kind))
                    return carry_to(*node, self, kind, body);
            return caf::make_error(errc::unreachable, "nobody is there");
          }};
        });
  }

  /// What the listener of a node does with a call.
  static caf::result<std::string> carry_to(fake_node& node, peer_client_actor::pointer self,
                                           call_kind kind, const std::string& call) {
    auto admission = node.guard.admit(call);
    if (auto* other = std::get_if<wire::call_guard::challenged>(&admission))
      return std::move(other->answer);
    if (const auto* admitted = std::get_if<wire::call_guard::admitted>(&admission))
      return self->delegate(node.actor, message_atom_v, kind, std::string{admitted->content});
    return caf::make_error(errc::bad_message);
  }

  std::chrono::steady_clock::time_point now() { return sys.scheduler().clock().now(); }

  membership_report report(std::uint64_t number) {
    return ask<membership_report>(nodes.at(number)->actor, report_atom_v);
  }

  std::optional<member_report> view(std::uint64_t who, std::uint64_t of) {
    for (const auto& peer : report(who).peers)
      if (peer.record.id == id(of))
        return peer;
    return std::nullopt;
  }

  std::string state(std::uint64_t who, std::uint64_t of) {
    const auto seen = view(who, of);
    return seen ? std::string{to_string(seen->record.status.is)} : "unknown";
  }

  /// Whether an address leads to a node, by its name or not.
  static bool is_of(const std::string& to, std::uint64_t number) {
    return to == address(number) || to == to_string(where(number));
  }

  /// How often somebody posted to a node.
  std::ptrdiff_t calls_to(std::uint64_t number) const {
    return std::ranges::count_if(calls,
                                 [&](const auto& call) { return is_of(call.address, number); });
  }

  std::ptrdiff_t calls_to(const std::string& to) const {
    return std::ranges::count(calls, to, &fake_peers::post::address);
  }

  struct renaming {
    membership::node_id id;
    std::size_t sent_before; // datagrams
  };

  membership::settings settings;
  bool is_for_others = false;
  std::chrono::milliseconds resolve_interval = 30s;
  std::chrono::milliseconds resolve_retry = 1s;
  std::vector<renaming> renamed;
  std::vector<membership::remembered_member> remembered; // by the next node that is spawned
  std::map<std::uint64_t, std::vector<std::vector<membership::remembered_member>>> kept; // by nodes
  std::map<std::uint64_t, std::unique_ptr<fake_node>> nodes;
  std::set<std::uint64_t> cut; // from everybody
  std::vector<fake_peers::post> calls;
  std::function<caf::result<std::string>(const fake_peers::post&)> script;
};

// -- starting --

TEST_F(MembershipActor, DoesNothingBeforeItIsTold) {
  spawn(1, {address(2)});

  advance(1min);

  EXPECT_THAT(calls, IsEmpty());
  EXPECT_THAT(nodes.at(1)->resolver.asked(), IsEmpty());
}

TEST_F(MembershipActor, TakesNoPartBeforeItsOwnNameResolves) {
  auto& node = spawn(1, {address(2)});
  node.resolver.set(std::nullopt);
  tell(node.actor, start_atom_v);

  advance(1min);
  EXPECT_THAT(calls, IsEmpty());
  EXPECT_GT(node.resolver.asked().size(), 10u);
  EXPECT_EQ(node.resolver.asked().front(), address(1));
  EXPECT_EQ(ask_error<std::string>(node.actor, message_atom_v, call_kind::ping, std::string{}),
            errc::unreachable);
  EXPECT_EQ(report(1).self.profile->name, "node-1") << "what is known is shown";

  node.resolver.set(where(1));
  advance(1s);
  EXPECT_EQ(calls_to(2), 1);
  EXPECT_EQ(report(1).self.profile->udp, where(1));
}

TEST_F(MembershipActor, DoesNotTellOtherMachinesALoopbackAddress) {
  is_for_others = true;
  auto& node = spawn(1, {address(2)});
  node.resolver.set(udp_address::v4(127, 0, 1, 1, 1));
  tell(node.actor, start_atom_v);

  advance(1min);
  EXPECT_THAT(calls, IsEmpty());

  node.resolver.set(where(1));
  advance(1s);
  EXPECT_EQ(calls_to(2), 1);
}

TEST_F(MembershipActor, SaysWhenItIsSomebodyElseBeforeOthersHearOfIt) {
  start_cluster(2);
  ASSERT_THAT(renamed, IsEmpty());
  const auto sent = nodes.at(1)->sent;

  // A copy of node 1 that started later.
  auto copy = report(1).self;
  copy.profile->session = {99};
  copy.profile->written.generation += 1;
  copy.profile->udp = where(9);
  copy.status.at = copy.profile->written;
  wire::writer table;
  membership::begin_list(table, {.id = id(2), .address = "node-2:1"}, 1);
  membership::add_to_list(table, copy, 0);
  ask<std::string>(nodes.at(1)->actor, message_atom_v, call_kind::sync, std::string{table.view()});

  ASSERT_THAT(renamed, SizeIs(1));
  EXPECT_EQ(renamed[0].id, report(1).self.id);
  EXPECT_NE(renamed[0].id, id(1));
  EXPECT_EQ(renamed[0].sent_before, sent);
}

TEST_F(MembershipActor, LooksItsNameUpAsOftenAsConfigured) {
  resolve_interval = 10s;
  resolve_retry = 100ms;
  auto& node = spawn(1, {});
  node.resolver.set(std::nullopt);
  tell(node.actor, start_atom_v);

  advance(1s);
  EXPECT_EQ(node.resolver.asked().size(), 11u);
  node.resolver.set(where(1));
  advance(100ms);
  EXPECT_EQ(node.resolver.asked().size(), 12u);
  advance(30s);
  EXPECT_EQ(node.resolver.asked().size(), 15u);
}

TEST_F(MembershipActor, FollowsItsOwnNameToAnotherAddress) {
  start_cluster(2);
  const auto moved = where(9);

  nodes.at(1)->resolver.set(moved);
  advance(31s);

  EXPECT_EQ(report(1).self.profile->udp, moved);
  EXPECT_EQ(view(2, 1)->record.profile->udp, moved);
}

TEST_F(MembershipActor, KeepsItsAddressWhileItsNameDoesNotResolve) {
  start_cluster(2);

  nodes.at(1)->resolver.set(std::nullopt);
  advance(2min);

  EXPECT_EQ(state(2, 1), "alive");
}

TEST_F(MembershipActor, CallsOnTheSeedsAtOnceAndForEver) {
  start(1, {address(7), address(8)});

  EXPECT_EQ(calls_to(7), 1);
  EXPECT_EQ(calls_to(8), 1);
  EXPECT_EQ(calls.front().path, "/cluster/sync");
  EXPECT_THAT(report(1).unreached_seeds, UnorderedElementsAre(address(7), address(8)));
  EXPECT_FALSE(report(1).joined);

  advance(10min);
  EXPECT_GT(calls_to(7), 10min / settings.seed_backoff_max);
  EXPECT_THAT(report(1).peers, IsEmpty()) << "a seed is no member";
}

TEST_F(MembershipActor, AsksEveryAddressOfASeedsName) {
  auto& third = spawn(3, {"service:1"});
  third.seeds.set("service:1", {where(3), where(9), where(2), where(1)});
  for (const std::uint64_t other : {1, 2})
    start(other, {});
  tell(third.actor, start_atom_v);
  advance(2s);

  EXPECT_EQ(state(3, 1), "alive");
  EXPECT_EQ(state(3, 2), "alive");
  EXPECT_EQ(calls_to(9), 1);
  EXPECT_GE(calls_to(3), 1) << "whether an address is its own, it finds out by asking";
  EXPECT_FALSE(report(3).isolated);
}

TEST_F(MembershipActor, SaysWhyItIsAlone) {
  auto& node = spawn(1, {"service:1", "nobody:1"});
  node.seeds.set("service:1", {where(1), where(9)});
  tell(node.actor, start_atom_v);
  advance(30s);

  EXPECT_TRUE(report(1).isolated);
  EXPECT_EQ(report(1).alone, "nobody:1: no such name, service:1 (10.0.0.1:1) is this node, "
                             "service:1 (10.0.0.9:1): nobody is there");

  start(9, {address(1)});
  advance(2s);
  EXPECT_FALSE(report(1).isolated);
  EXPECT_EQ(report(1).alone, "");
}

TEST_F(MembershipActor, ReportsWhoRefusesItAndItsPaths) {
  start_cluster(2);
  tell(nodes.at(1)->actor, peer_atom_v, address(2), false);
  EXPECT_TRUE(view(1, 2)->tcp);
  advance(5s);
  tell(nodes.at(1)->actor, peer_atom_v, address(2), false);
  advance(20s);
  EXPECT_FALSE(view(1, 2)->tcp);
  EXPECT_TRUE(view(1, 2)->udp);

  script = [](const auto&) -> caf::result<std::string> {
    return caf::make_error(errc::foreign_peer, "the key differs");
  };
  start(3, {address(2)});
  advance(5s);

  const auto known = report(3);
  ASSERT_THAT(known.refused_by, SizeIs(1));
  EXPECT_EQ(known.refused_by[0].address, to_string(where(2)));
  EXPECT_EQ(known.refused_by[0].reason, "cluster");
  EXPECT_EQ(known.refused_by[0].why, "the key differs");
  EXPECT_TRUE(known.isolated);
}

TEST_F(MembershipActor, TakesGarbageInsteadOfAnAnswerForNoAnswer) {
  script = [](const auto&) { return std::string{"garbage"}; };
  start(1, {address(7)});

  advance(1min);

  EXPECT_GT(calls_to(7), 3);
  EXPECT_THAT(report(1).peers, IsEmpty());
  EXPECT_FALSE(report(1).joined);
}

// -- members --

TEST_F(MembershipActor, TellsTheWatcherOfMembersThatCome) {
  start_cluster(2);

  EXPECT_THAT(nodes.at(1)->gossip.peers(), Contains(make_peer(address(2), 2)));
  EXPECT_THAT(nodes.at(2)->gossip.peers(), Contains(make_peer(address(1), 1)));
  EXPECT_TRUE(report(2).joined);
}

TEST_F(MembershipActor, TellsALateWatcherOfThoseThatAreThere) {
  start_cluster(3);
  cut = {3};
  advance(1min);
  fake_gossip late{sys};

  tell(nodes.at(1)->actor, watch_atom_v, late.handle());

  EXPECT_THAT(late.peers(), ElementsAre(make_peer(address(2), 2)));
}

TEST_F(MembershipActor, TellsTheWatcherOfAMemberThatDoesNotAnswerAndOfItsReturn) {
  start_cluster(3);
  cut = {3};
  advance(1min);
  EXPECT_EQ(state(1, 3), "dead");
  EXPECT_THAT(nodes.at(1)->gossip.lost(), ElementsAre(id(3)));
  EXPECT_EQ(state(1, 2), "alive");
  const auto& told = nodes.at(1)->gossip.peers();
  const auto before = std::ranges::count(told, make_peer(address(3), 3));

  cut.clear();
  advance(1min);
  EXPECT_EQ(state(1, 3), "alive");
  EXPECT_GT(std::ranges::count(told, make_peer(address(3), 3)), before);
}

TEST_F(MembershipActor, ReportsWhoFoundAMemberDeadAndWhen) {
  start_cluster(3);
  const auto begin = now();
  cut = {3};
  advance(1min);

  const auto one = *view(1, 3);
  const auto two = *view(2, 3);
  EXPECT_TRUE(one.own_verdict || two.own_verdict);
  const auto earliest = wall_time{milliseconds{wall_clock}};
  EXPECT_GT(one.since, earliest);
  EXPECT_LT(one.since, earliest + std::chrono::duration_cast<milliseconds>(now() - begin) + 3s);
  EXPECT_EQ(one.round_trip, 0us);
}

TEST_F(MembershipActor, CallsOnAnAddressWhereSomebodyElseIs) {
  start_cluster(2);
  const auto before = calls_to("elsewhere:1");

  tell(nodes.at(1)->actor, peer_atom_v, std::string{"elsewhere:1"});

  EXPECT_EQ(calls_to("elsewhere:1"), before + 1);
}

// -- datagrams --

TEST_F(MembershipActor, AsksTheSocketForWhatIsQueuedBeforeEachTick) {
  start_cluster(2);
  for (auto& [number, node] : nodes)
    node->hands_over = false; // all that is heard now is what a tick takes
  const auto told = nodes.at(1)->gossip.peers().size();

  advance(1min);

  EXPECT_EQ(state(1, 2), "alive");
  EXPECT_THAT(nodes.at(1)->gossip.lost(), IsEmpty());
  EXPECT_EQ(nodes.at(1)->gossip.peers().size(), told) << "it was not even suspected";
}

TEST_F(MembershipActor, TakesDatagramsThatWaitedLong) {
  start_cluster(2);
  const auto before = now();
  advance(5s);

  tell(nodes.at(1)->actor, datagrams{before, {{where(2), "garbage"}, {where(9), ""}}, nullptr});

  advance(5s);
  EXPECT_EQ(state(1, 2), "alive");
}

TEST_F(MembershipActor, LetsGoOfABatchOnceItIsRead) {
  start_cluster(1);
  const auto token = std::make_shared<const int>(1);
  std::weak_ptr<const int> waiting = token;

  tell(nodes.at(1)->actor, datagrams{now(), {{where(2), "garbage"}}, token});

  EXPECT_EQ(waiting.use_count(), 1) << "only the test's own is left";
}

TEST_F(MembershipActor, IsQuietWhenNothingHappens) {
  start_cluster(3);
  advance(10s);
  const auto before = nodes.at(1)->sent;

  advance(1min);

  // A probe of its own and the answers to those of the others, each second.
  EXPECT_LT(nodes.at(1)->sent - before, 4u * 60);
}

// -- calls --

TEST_F(MembershipActor, AnswersAPingWithItsOwnRecord) {
  start_cluster(1);

  const auto answer = ask<std::string>(nodes.at(1)->actor, message_atom_v, call_kind::ping,
                                       std::string(1, static_cast<char>(wire::spoken.newest)));

  const auto content = wire::decode_answer(answer);
  wire::reader in{std::get<std::string_view>(content).substr(1)};
  EXPECT_EQ(membership::decode_member(in), report(1).self);
}

TEST_F(MembershipActor, RefusesGarbage) {
  start_cluster(1);
  for (const auto kind : {call_kind::sync, call_kind::ping})
    EXPECT_EQ(
        ask_error<std::string>(nodes.at(1)->actor, message_atom_v, kind, std::string{"garbage"}),
        errc::bad_message);

  EXPECT_THAT(report(1).peers, IsEmpty());
  EXPECT_FALSE(report(1).leaving);
}

// -- leaving --

TEST_F(MembershipActor, LeavesAndSaysWhoKnows) {
  start_cluster(3);

  const auto done = start_asking<leave_report>(nodes.at(3)->actor, leave_atom_v);
  advance(1s);

  ASSERT_TRUE(done->value);
  EXPECT_EQ(done->value->others, 2u);
  EXPECT_EQ(done->value->acknowledged, 2u);
  EXPECT_TRUE(report(3).leaving);
  for (const std::uint64_t other : {1, 2}) {
    EXPECT_EQ(state(other, 3), "left");
    EXPECT_THAT(nodes.at(other)->gossip.lost(), ElementsAre(id(3)));
  }
  const auto again = ask<leave_report>(nodes.at(3)->actor, leave_atom_v);
  EXPECT_EQ(again.acknowledged, 2u) << "the same answer to whoever asks later";
}

TEST_F(MembershipActor, WaitsForNobodyLongWhenItLeaves) {
  start_cluster(3);
  cut = {1, 2};

  const auto done = start_asking<leave_report>(nodes.at(3)->actor, leave_atom_v);
  const auto second = start_asking<leave_report>(nodes.at(3)->actor, leave_atom_v);
  EXPECT_TRUE(done->is_pending());
  advance(std::chrono::ceil<milliseconds>(settings.leave_timeout) + 500ms);

  ASSERT_TRUE(done->value);
  EXPECT_EQ(done->value->acknowledged, 0u);
  EXPECT_TRUE(second->value);
}

TEST_F(MembershipActor, LeavesAtOnceWhereNobodyElseIs) {
  start_cluster(1);

  EXPECT_EQ(ask<leave_report>(nodes.at(1)->actor, leave_atom_v).others, 0u);
}

TEST_F(MembershipActor, HasNothingToLeaveBeforeItTakesPart) {
  EXPECT_EQ(ask<leave_report>(spawn(1, {}).actor, leave_atom_v).others, 0u);
}

TEST_F(MembershipActor, HasTheMembersRememberedWhenTheyChange) {
  start_cluster(2);
  advance(500ms);
  ASSERT_THAT(kept[2], SizeIs(1));
  EXPECT_THAT(kept[2].back(), ElementsAre(membership::remembered_member{id(1), address(1), true}));
  advance(20s);
  EXPECT_THAT(kept[2], SizeIs(1)) << "nothing changed";

  cut = {1};
  advance(60s);
  EXPECT_THAT(kept[2].back(), ElementsAre(membership::remembered_member{id(1), address(1), false}));
}

TEST_F(MembershipActor, HasItRememberedWhoHadAllAndSinceWhenHeKeepsIt) {
  start_cluster(2);
  advance(10s);
  ASSERT_THAT(kept[2], SizeIs(1));
  tell(nodes.at(2)->actor, members_atom_v, std::uint64_t{1}, std::uint64_t{77});
  advance(100ms);
  ASSERT_THAT(kept[2], SizeIs(2));
  const membership::remembered_member holder{id(1), address(1), true, membership::session_id{77}};
  EXPECT_THAT(kept[2].back(), ElementsAre(holder));

  tell(nodes.at(2)->actor, members_atom_v, std::uint64_t{1}, std::uint64_t{77});
  tell(nodes.at(2)->actor, members_atom_v, std::uint64_t{999'999}, std::uint64_t{78});
  advance(10s);
  EXPECT_THAT(kept[2], SizeIs(2)) << "nothing changed";
}

TEST_F(MembershipActor, HasTheMembersRememberedWhenItEnds) {
  start(1, {});
  start(2, {address(1)});
  advance(500ms);
  start(3, {address(1)});
  advance(500ms);
  ASSERT_THAT(kept[2], SizeIs(1)) << "what changes soon after that is remembered together";
  ASSERT_THAT(kept[2].back(), SizeIs(1));

  caf::anon_send_exit(nodes.at(2)->actor, caf::exit_reason::user_shutdown);
  settle();

  ASSERT_THAT(kept[2], SizeIs(2));
  EXPECT_THAT(kept[2].back(), SizeIs(2));
}

TEST_F(MembershipActor, FindsRememberedMembersWithoutASeed) {
  start(1, {});
  remembered = {{id(9), address(9), true}, {id(1), address(1), true}};
  start(2, {});
  advance(2s);
  EXPECT_THAT(report(2).peers, SizeIs(1));
  EXPECT_THAT(report(1).peers, SizeIs(1));
  EXPECT_THAT(report(2).unreached_seeds, IsEmpty());
}

TEST_F(MembershipActor, LooksForRememberedMembersUntilOneIsThere) {
  remembered = {{id(1), address(1), false}};
  start(2, {});
  advance(30s);
  EXPECT_THAT(report(2).peers, IsEmpty());
  remembered.clear();
  start(1, {});
  advance(30s);
  EXPECT_THAT(report(2).peers, SizeIs(1));
}

} // namespace
} // namespace starling::actors
