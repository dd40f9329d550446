#include "membership/joiner.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <gmock/gmock.h>
#include <set>

namespace starling::membership {

namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

member make_member(const std::string& address, std::uint64_t generation, std::uint64_t id) {
  return {address, generation, node_id::from(0, id), {id}, "", ""};
}

joiner make_joiner(std::vector<std::string> seeds, std::size_t max_members = 256) {
  join_options options;
  options.seeds = std::move(seeds);
  options.max_members = max_members;
  return {make_member("self:1", 100, 1), options, 42, 0ms};
}

template <class Effect>
std::vector<Effect> only(const join_effects& effects) {
  std::vector<Effect> result;
  for (const auto& effect : effects)
    if (const auto* wanted = std::get_if<Effect>(&effect))
      result.push_back(*wanted);
  return result;
}

std::vector<std::string> pushes(const join_effects& effects) {
  std::vector<std::string> result;
  for (const auto& push : only<push_pull>(effects))
    result.push_back(push.address);
  return result;
}

std::vector<std::string> changed(const join_effects& effects) {
  std::vector<std::string> result;
  for (const auto& change : only<peer_changed>(effects))
    result.push_back(change.peer.address);
  return result;
}

// Lets the quick rounds after news pass, none of them answered; says when they are over.
joiner::duration rest(joiner& node, joiner::duration now) {
  while (node.next_tick() - now < 1s) {
    now = node.next_tick();
    for (const auto& address : pushes(node.tick(now)))
      node.sync_failed(address, now);
  }
  return now;
}

reachability state_of(const joiner& node, const std::string& address) {
  for (const auto& peer : node.peers())
    if (peer.record.address == address)
      return peer.state;
  throw std::logic_error("no such peer");
}

} // namespace

TEST(Joiner, TriesEverySeedAtOnceButNotItself) {
  auto node = make_joiner({"a:1", "b:1", "self:1", "a:1"});

  EXPECT_EQ(node.next_tick(), 0ms);
  EXPECT_THAT(pushes(node.tick(0ms)), UnorderedElementsAre("a:1", "b:1"));
  EXPECT_THAT(node.unreached_seeds(), ElementsAre("a:1", "b:1"));
  EXPECT_FALSE(node.has_joined());
}

TEST(Joiner, WithoutSeedsItHasJoined) {
  EXPECT_TRUE(make_joiner({}).has_joined());
  EXPECT_TRUE(make_joiner({"self:1"}).has_joined());
}

TEST(Joiner, AsksAnAddressOnlyOnceAtATime) {
  auto node = make_joiner({"a:1"});
  EXPECT_THAT(pushes(node.tick(0ms)), ElementsAre("a:1"));

  EXPECT_THAT(node.tick(60s), IsEmpty());
  EXPECT_THAT(pushes(node.call_on("a:1", 60s)), IsEmpty());
}

TEST(Joiner, BackoffGrowsIsJitteredAndBoundedForEver) {
  auto node = make_joiner({"a:1"});
  std::vector<joiner::duration> waits;
  std::vector<joiner::duration> ceilings;
  auto now = 0ms;
  for (auto ceiling = 500ms; waits.size() < 400; ceiling = std::min(ceiling * 2, 15'000ms)) {
    while (pushes(node.tick(now)).empty())
      now = node.next_tick();
    EXPECT_THAT(node.sync_failed("a:1", now), IsEmpty());
    const auto next = node.next_tick();
    waits.push_back(next - now);
    ceilings.push_back(ceiling);
    now = next;
  }

  for (std::size_t i = 0; i < waits.size(); ++i) {
    EXPECT_GE(waits[i], 1ms); // the turn of `sync_interval` may come first
    EXPECT_LE(waits[i], ceilings[i]) << "after failure " << i + 1;
  }
  EXPECT_GT(*std::ranges::max_element(waits), 12s);
  EXPECT_GT((std::set<joiner::duration>(waits.begin(), waits.end()).size()), 300u);
}

TEST(Joiner, FirstRetriesWaitAtLeastTheMinimum) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    joiner node{make_member("self:1", 100, 1), {.seeds = {"a:1"}}, seed, 0ms};
    node.tick(0ms);
    node.sync_failed("a:1", 0ms);
    EXPECT_GE(node.next_tick(), 250ms) << "random seed " << seed;
    EXPECT_LE(node.next_tick(), 500ms) << "random seed " << seed;
  }
}

TEST(Joiner, AnsweredSeedIsReachedAndItsMembersAreVisitedOnce) {
  auto node = make_joiner({"a:1"});
  node.tick(0ms);

  const auto effects =
      node.synced("a:1", {make_member("a:1", 5, 2), {make_member("b:1", 6, 3)}}, 10ms);

  EXPECT_THAT(changed(effects), ElementsAre("a:1", "b:1"));
  EXPECT_THAT(pushes(effects), ElementsAre("b:1"));
  EXPECT_TRUE(node.has_joined());
  EXPECT_THAT(node.unreached_seeds(), IsEmpty());
  EXPECT_EQ(state_of(node, "a:1"), reachability::alive);
  EXPECT_EQ(state_of(node, "b:1"), reachability::joining);

  EXPECT_THAT(node.sync_failed("b:1", 20ms), IsEmpty());
  EXPECT_EQ(state_of(node, "b:1"), reachability::unreachable);
  EXPECT_LT(rest(node, 20ms), 3s);
  EXPECT_GE(node.next_tick(), 15s) << "out of reach, it is tried again only by sync_interval";
}

TEST(Joiner, SeedMayAnswerUnderAnotherAddress) {
  auto node = make_joiner({"seed.example:1"});
  node.tick(0ms);

  EXPECT_THAT(changed(node.synced("seed.example:1", {make_member("10.0.0.1:1", 5, 2), {}}, 10ms)),
              ElementsAre("10.0.0.1:1"));
  EXPECT_TRUE(node.has_joined());
  EXPECT_THAT(node.unreached_seeds(), IsEmpty());
  EXPECT_EQ(node.peers().size(), 1u);
}

TEST(Joiner, SeedThatIsOurselvesIsTriedAgainInTheSlowRoundsOnly) {
  auto node = make_joiner({"me.example:1"});
  node.tick(0ms);

  // Both ends of the push/pull are this node.
  EXPECT_THAT(node.received(node.announce(), 5ms), IsEmpty());
  EXPECT_THAT(node.synced("me.example:1", node.announce(), 10ms), IsEmpty());
  EXPECT_TRUE(node.has_joined());
  EXPECT_THAT(node.peers(), IsEmpty());
  // Its name may lead elsewhere one day.
  std::size_t tries = 0;
  for (auto now = 1s; now < 600s; now += 1s) {
    if (const auto effects = node.tick(now); !effects.empty()) {
      EXPECT_THAT(effects, ElementsAre(join_effect{push_pull{"me.example:1"}}));
      EXPECT_THAT(node.synced("me.example:1", node.announce(), now), IsEmpty());
      ++tries;
    }
  }
  EXPECT_GE(tries, 600u / 46);
  EXPECT_LE(tries, 600u / 15);
}

TEST(Joiner, SeedThatPushesToUsIsReached) {
  auto node = make_joiner({"a:1"});
  node.tick(0ms);
  node.sync_failed("a:1", 1ms);

  EXPECT_THAT(changed(node.received({make_member("a:1", 5, 2), {}}, 2ms)), ElementsAre("a:1"));
  EXPECT_TRUE(node.has_joined());
  rest(node, 2ms);
  EXPECT_GE(node.next_tick(), 15s) << "no retries";
}

TEST(Joiner, TellsTheJoinerWhomItKnowsAndVisitsTheOthersOnly) {
  auto node = make_joiner({});
  node.received({make_member("b:1", 5, 3), {}}, 0ms);

  const auto effects = node.received({make_member("a:1", 5, 2), {make_member("c:1", 7, 4)}}, 1ms);

  EXPECT_THAT(changed(effects), ElementsAre("a:1", "c:1"));
  EXPECT_THAT(pushes(effects), ElementsAre("c:1"));
  EXPECT_EQ(node.announce(), (announcement{make_member("self:1", 100, 1),
                                           {make_member("a:1", 5, 2), make_member("b:1", 5, 3),
                                            make_member("c:1", 7, 4)}}));
}

TEST(Joiner, ReportsANewSessionOnceAndNoOlderOne) {
  auto node = make_joiner({});
  node.received({make_member("a:1", 5, 2), {}}, 0ms);

  EXPECT_THAT(changed(node.received({make_member("a:1", 6, 3), {}}, 1ms)), ElementsAre("a:1"));
  EXPECT_THAT(node.received({make_member("a:1", 6, 3), {}}, 2ms), IsEmpty());
  EXPECT_THAT(node.received({make_member("a:1", 5, 2), {}}, 3ms), IsEmpty());
  EXPECT_EQ(node.find_peer("a:1")->session, session_id{3});
}

TEST(Joiner, RaisedGenerationOfTheSameSessionIsNoNewSession) {
  auto node = make_joiner({});
  node.received({make_member("a:1", 5, 2), {}}, 0ms);

  EXPECT_THAT(node.received({make_member("a:1", 9, 2), {}}, 1ms), IsEmpty());
  EXPECT_EQ(node.find_peer("a:1")->generation, 9u);
}

TEST(Joiner, AnswersARivalForItsAddressWithAHigherGeneration) {
  auto node = make_joiner({"a:1"});
  node.tick(0ms);
  const auto rival = make_member("self:1", 500, 9);

  const auto effects = node.synced("a:1", {make_member("a:1", 5, 2), {rival}}, 1ms);

  EXPECT_EQ(node.self().generation, 501u);
  EXPECT_EQ(node.self().session, session_id{1});
  EXPECT_THAT(only<address_conflict>(effects), ElementsAre(address_conflict{rival, node.self()}));
  EXPECT_THAT(pushes(effects), ElementsAre("a:1")) << "to take the old record away";
}

TEST(Joiner, IgnoresALowerRecordForItsAddress) {
  auto node = make_joiner({});

  EXPECT_THAT(node.received({make_member("a:1", 5, 2), {make_member("self:1", 99, 9)}}, 0ms),
              testing::SizeIs(1));
  EXPECT_EQ(node.self().generation, 100u);
}

TEST(Joiner, EqualGenerationsAreDecidedByTheSameOrderAtBothRivals) {
  auto low = make_joiner({});
  joiner high{make_member("self:1", 100, 2), {}, 42, 0ms};

  low.received(high.announce(), 0ms);
  EXPECT_EQ(low.self().generation, 101u);
  EXPECT_THAT(only<address_conflict>(high.received(make_joiner({}).announce(), 0ms)), IsEmpty());
}

TEST(Joiner, GenerationsDoNotOverflow) {
  auto node = make_joiner({});

  node.received({make_member("a:1", 5, 2), {make_member("self:1", generation_max, 0)}}, 0ms);
  EXPECT_EQ(node.self().generation, generation_max);
  EXPECT_TRUE(is_valid(node.self()));

  // Nothing is left above this rival: it keeps the address.
  const auto effects =
      node.received({make_member("a:1", 5, 2), {make_member("self:1", generation_max, 9)}}, 0ms);
  EXPECT_EQ(only<address_conflict>(effects).size(), 1u);
  EXPECT_THAT(pushes(effects), IsEmpty());
  EXPECT_EQ(node.self().generation, generation_max);
}

TEST(Joiner, RivalsAtOneAddressAnnounceThemselvesEverMoreSlowly) {
  auto node = make_joiner({"a:1"});
  node.tick(0ms);
  std::size_t visits = 0;
  joiner::duration now = 1ms;
  bool in_flight = true;
  for (; now < 600s; now += 10ms) {
    const auto rival = make_member("self:1", node.self().generation + 1, 9);
    const announcement said{make_member("a:1", 5, 2), {rival}};
    const auto effects = in_flight ? node.synced("a:1", said, now) : node.tick(now);
    in_flight = !pushes(effects).empty();
    visits += in_flight ? 1 : 0;
  }
  EXPECT_GT(visits, 50u);
  EXPECT_LT(visits, 200u) << "a visit every 15 s at the most, half that in the mean";
}

TEST(Joiner, NobodyElseMayBeUs) {
  auto node = make_joiner({});

  EXPECT_THAT(node.received({make_member("a:1", 5, 2), {make_member("b:1", 5, 1)}}, 0ms),
              testing::SizeIs(1));
  EXPECT_EQ(node.find_peer("b:1"), nullptr);
}

TEST(Joiner, BoundsTheMembersAndCountsWhatItIgnores) {
  auto node = make_joiner({}, 3);

  node.received({make_member("a:1", 5, 2), {make_member("b:1", 5, 3), make_member("c:1", 5, 4)}},
                0ms);
  EXPECT_EQ(node.members().size(), 3u);
  EXPECT_EQ(node.ignored_records(), 1u);

  EXPECT_THAT(changed(node.received({make_member("b:1", 6, 5), {}}, 1ms)), ElementsAre("b:1"))
      << "a restart needs no more room";
  EXPECT_THAT(changed(node.received({make_member("c:1", 6, 4), {}}, 1ms)), IsEmpty());
  EXPECT_EQ(node.ignored_records(), 2u);
}

TEST(Joiner, BoundsThePushPullsUnderWay) {
  auto node = make_joiner({"a:1"});
  node.tick(0ms);
  announcement said{make_member("a:1", 5, 2), {}};
  for (std::uint64_t i = 0; i < 20; ++i)
    said.others.push_back(make_member("p" + std::to_string(i) + ":1", 5, 10 + i));

  auto under_way = pushes(node.synced("a:1", said, 1ms));
  EXPECT_EQ(under_way.size(), joiner::in_flight_max);
  EXPECT_GT(node.next_tick(), 1ms) << "the next begins when one ends";

  std::set<std::string> visited(under_way.begin(), under_way.end());
  while (!under_way.empty()) {
    const auto address = under_way.back();
    under_way.pop_back();
    const auto record = *node.find_peer(address);
    for (const auto& next : pushes(node.synced(address, {record, {}}, 2ms))) {
      EXPECT_TRUE(visited.insert(next).second) << next;
      under_way.push_back(next);
    }
  }
  EXPECT_EQ(visited.size(), 20u);
}

TEST(Joiner, SyncsWithARandomPeerEveryInterval) {
  auto node = make_joiner({});
  for (std::uint64_t i = 0; i < 4; ++i)
    node.received({make_member("p" + std::to_string(i) + ":1", 5, 10 + i), {}}, 0ms);

  std::map<std::string, int> visits;
  auto last = rest(node, 0ms);
  for (int i = 0; i < 400; ++i) {
    const auto now = node.next_tick();
    EXPECT_GE(now - last, 15s);
    EXPECT_LE(now - last, 45s);
    last = now;
    const auto due = pushes(node.tick(now));
    ASSERT_EQ(due.size(), 1u);
    ++visits[due[0]];
    node.sync_failed(due[0], now);
  }
  EXPECT_EQ(visits.size(), 4u) << "peers out of reach stay members and are tried again";
  for (const auto& [address, count] : visits)
    EXPECT_GT(count, 60) << address;
}

TEST(Joiner, SpreadsNewsInAFewQuickRounds) {
  auto node = make_joiner({});
  for (std::uint64_t i = 0; i < 7; ++i)
    node.received({make_member("p" + std::to_string(i) + ":1", 5, 10 + i), {}}, 0ms);

  std::vector<joiner::duration> rounds;
  auto now = 0ms;
  for (; node.next_tick() - now < 1s; rounds.push_back(now)) {
    EXPECT_GE(node.next_tick() - now, 250ms);
    EXPECT_LE(node.next_tick() - now, 500ms);
    now = node.next_tick();
    const auto due = pushes(node.tick(now));
    ASSERT_EQ(due.size(), 1u);
    node.synced(due[0], {*node.find_peer(due[0]), {}}, now);
  }
  EXPECT_EQ(rounds.size(), 6u) << "log2(8) and a few more";
}

TEST(Joiner, CallsOnAnAddressAtMostOncePerMinimumBackoff) {
  auto node = make_joiner({});
  node.received({make_member("a:1", 5, 2), {}}, 0ms);

  const auto now = rest(node, 0ms) + 1s;
  EXPECT_THAT(pushes(node.call_on("a:1", now)), ElementsAre("a:1"));
  node.sync_failed("a:1", now);
  EXPECT_THAT(pushes(node.call_on("a:1", now)), IsEmpty());
  EXPECT_EQ(node.next_tick(), now + 250ms);
  EXPECT_THAT(pushes(node.tick(now + 250ms)), ElementsAre("a:1"));
}

TEST(Joiner, RemembersOnlyAsManyStrangersAsThereIsRoomFor) {
  auto node = make_joiner({}, 3);
  EXPECT_THAT(pushes(node.call_on("self:1", 0ms)), IsEmpty());
  EXPECT_THAT(pushes(node.call_on("garbage", 0ms)), IsEmpty());
  EXPECT_THAT(pushes(node.call_on("a:1", 0ms)), ElementsAre("a:1"));
  EXPECT_THAT(pushes(node.call_on("b:1", 0ms)), ElementsAre("b:1"));
  EXPECT_THAT(pushes(node.call_on("c:1", 0ms)), ElementsAre("c:1"));
  EXPECT_THAT(pushes(node.call_on("d:1", 0ms)), IsEmpty());

  node.sync_failed("a:1", 1ms);
  EXPECT_THAT(pushes(node.call_on("d:1", 1ms)), ElementsAre("d:1"));
  EXPECT_THAT(node.peers(), IsEmpty());
}

TEST(Joiner, KeepsWhatOthersReportOfThePeersReach) {
  auto node = make_joiner({});
  node.received({make_member("a:1", 5, 2), {}}, 0ms);
  EXPECT_EQ(state_of(node, "a:1"), reachability::alive);

  node.unreachable("a:1");
  EXPECT_EQ(state_of(node, "a:1"), reachability::unreachable);
  node.contacted("a:1", session_id{7});
  EXPECT_EQ(state_of(node, "a:1"), reachability::unreachable) << "that was another session";
  node.contacted("a:1", session_id{2});
  EXPECT_EQ(state_of(node, "a:1"), reachability::alive);

  node.contacted("nobody:1", session_id{2});
  node.unreachable("nobody:1");
  EXPECT_EQ(node.peers().size(), 1u);
}

TEST(Joiner, EqualInputsHaveEqualEffects) {
  const auto run = [] {
    auto node = make_joiner({"a:1", "b:1", "c:1"});
    std::vector<std::pair<joiner::duration, std::string>> trace;
    for (auto now = 0ms; now < 300s; now = std::max(now + 1ms, node.next_tick()))
      for (const auto& address : pushes(node.tick(now))) {
        trace.emplace_back(now, address);
        node.sync_failed(address, now);
      }
    return trace;
  };
  EXPECT_EQ(run(), run());
}

} // namespace starling::membership
