#include "actors/membership.hpp"
#include "fixture.hpp"

#include <gmock/gmock.h>

namespace starling::actors {
namespace {

using membership::announcement;
using membership::reachability;
using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

const membership::member self = make_member("self:1", 1);
const membership::member seed = make_member("seed:1", 2);
const membership::member eve = make_member("eve:1", 3);

constexpr milliseconds backoff_min{250};
constexpr milliseconds backoff_max{2'000};

std::string encode(const announcement& said) {
  wire::writer out;
  membership::encode(out, said);
  return std::move(out).take();
}

announcement decode(const std::string& bytes) {
  auto decoded = membership::decode_announcement(bytes);
  EXPECT_TRUE(std::holds_alternative<announcement>(decoded));
  return std::get<announcement>(std::move(decoded));
}

fake_peers::script answer_with(const announcement& said) {
  return [said](const auto&) { return encode(said); };
}

fake_peers::reply unreachable(const fake_peers::post&) {
  return caf::make_error(errc::unreachable);
}

class MembershipActor : public actor_test {
protected:
  membership_actor spawn(std::vector<std::string> seeds) {
    return track(spawn_membership(sys, {.self = self,
                                        .options = {.seeds = std::move(seeds),
                                                    .backoff_min = backoff_min,
                                                    .backoff_max = backoff_max,
                                                    .sync_interval = std::chrono::hours{10}},
                                        .random_seed = 1,
                                        .peers = peers.handle()}));
  }

  membership_actor start(std::vector<std::string> seeds) {
    auto result = spawn(std::move(seeds));
    tell(result, tick_atom_v);
    return result;
  }

  membership_report report(const membership_actor& actor) {
    return ask<membership_report>(actor, report_atom_v);
  }

  reachability state_of(const membership_actor& actor, const std::string& address) {
    for (const auto& peer : report(actor).peers)
      if (peer.record.address == address)
        return peer.state;
    ADD_FAILURE() << address << " is no member";
    return reachability::joining;
  }

  fake_peers peers{sys};
  fake_gossip gossip{sys};
};

TEST_F(MembershipActor, DoesNothingBeforeTheFirstTick) {
  spawn({"seed:1"});

  advance(std::chrono::minutes{1});

  EXPECT_THAT(peers.posts(), IsEmpty());
}

TEST_F(MembershipActor, CallsOnTheSeedsAtOnce) {
  start({"seed:1", "eve:1"});

  EXPECT_THAT(peers.addresses(), ::testing::UnorderedElementsAre("seed:1", "eve:1"));
  EXPECT_EQ(peers.posts().front().path, join_path);
  EXPECT_EQ(decode(peers.posts().front().body), (announcement{self, {}}));
}

TEST_F(MembershipActor, LeavesASilentSeedAloneWhileItsRequestIsUnderWay) {
  start({"seed:1"});

  advance(std::chrono::minutes{10});

  EXPECT_EQ(peers.posts().size(), 1u);
}

TEST_F(MembershipActor, RetriesAnUnreachableSeedAfterADoublingWaitForEver) {
  start({"seed:1"});
  auto ceiling = backoff_min;
  for (std::size_t failures = 1; failures <= 20; ++failures) {
    ceiling = std::min(2 * ceiling, backoff_max);
    peers.answer(failures - 1, caf::make_error(errc::unreachable));

    advance(backoff_min - milliseconds{1});
    ASSERT_EQ(peers.posts().size(), failures) << "too early";
    advance(ceiling - backoff_min + milliseconds{1});
    ASSERT_EQ(peers.posts().size(), failures + 1) << "too late";
  }
}

TEST_F(MembershipActor, StopsCallingOnASeedThatAnswered) {
  peers.answer_by(unreachable);
  const auto actor = start({"seed:1"});
  EXPECT_THAT(report(actor).unreached_seeds, ElementsAre("seed:1"));
  EXPECT_FALSE(report(actor).joined);

  peers.answer_by(answer_with({seed, {}}));
  advance(std::chrono::minutes{1}); // with the rounds that pass the news on
  const auto calls = peers.posts().size();
  advance(std::chrono::minutes{60});

  EXPECT_EQ(peers.posts().size(), calls);
  EXPECT_THAT(report(actor).unreached_seeds, IsEmpty());
  EXPECT_TRUE(report(actor).joined);
}

TEST_F(MembershipActor, TakesGarbageInsteadOfAnAnswerForNoAnswer) {
  peers.answer_by([](const auto&) { return "garbage"; });
  const auto actor = start({"seed:1"});

  advance(2 * backoff_min);

  EXPECT_EQ(peers.posts().size(), 2u);
  EXPECT_FALSE(report(actor).joined);
  EXPECT_THAT(report(actor).peers, IsEmpty());
}

TEST_F(MembershipActor, TellsTheWatcherOfMembersThatCome) {
  peers.answer_by(answer_with({seed, {eve}}));
  const auto actor = spawn({"seed:1"});
  tell(actor, watch_atom_v, gossip.handle());
  EXPECT_THAT(gossip.peers(), IsEmpty());

  tell(actor, tick_atom_v);

  EXPECT_THAT(gossip.peers(), ElementsAre(seed, eve));
}

TEST_F(MembershipActor, TellsALateWatcherOfTheMembersSoFar) {
  peers.answer_by(answer_with({seed, {eve}}));
  const auto actor = start({"seed:1"});

  tell(actor, watch_atom_v, gossip.handle());

  EXPECT_THAT(gossip.peers(), ElementsAre(eve, seed)) << "by address";
}

TEST_F(MembershipActor, TellsTheWatcherOfAMembersNewSessionButNotOfOldNews) {
  const auto actor = start({});
  tell(actor, watch_atom_v, gossip.handle());
  const auto reborn = make_member(eve.address, 33);

  ask<std::string>(actor, message_atom_v, encode({eve, {}}));
  ask<std::string>(actor, message_atom_v, encode({reborn, {}}));
  ask<std::string>(actor, message_atom_v, encode({reborn, {}}));
  ask<std::string>(actor, message_atom_v, encode({eve, {}}));

  EXPECT_THAT(gossip.peers(), ElementsAre(eve, reborn));
}

TEST_F(MembershipActor, AnswersAnAnnouncementWithItsOwn) {
  const auto actor = start({});

  const auto answer = decode(ask<std::string>(actor, message_atom_v, encode({eve, {seed}})));

  EXPECT_EQ(answer, (announcement{self, {eve, seed}}));
  EXPECT_EQ(state_of(actor, "eve:1"), reachability::alive);
}

TEST_F(MembershipActor, CallsOnMembersThatOthersNamed) {
  const auto actor = start({});

  ask<std::string>(actor, message_atom_v, encode({eve, {seed}}));

  EXPECT_THAT(peers.addresses(), ElementsAre("seed:1"));
  EXPECT_EQ(state_of(actor, "seed:1"), reachability::joining);
}

TEST_F(MembershipActor, CallsOnAnAddressWhereSomebodyElseIs) {
  peers.answer_by(answer_with({seed, {}}));
  const auto actor = start({"seed:1"});
  tell(actor, watch_atom_v, gossip.handle());
  advance(std::chrono::minutes{1});
  const auto calls = peers.posts().size();
  const auto reborn = make_member(seed.address, 22);

  peers.answer_by(answer_with({reborn, {}}));
  tell(actor, peer_atom_v, seed.address);

  EXPECT_EQ(peers.posts().size(), calls + 1);
  EXPECT_THAT(gossip.peers(), ElementsAre(seed, reborn));
}

TEST_F(MembershipActor, RefusesGarbage) {
  const auto actor = start({});
  const auto good = encode({eve, {seed}});

  for (const auto& bytes :
       {std::string{}, std::string{"garbage"}, good.substr(0, good.size() - 1), good + '\0'})
    EXPECT_EQ(ask_error<std::string>(actor, message_atom_v, bytes), errc::bad_message);

  EXPECT_THAT(report(actor).peers, IsEmpty());
}

TEST_F(MembershipActor, ReportsWhoCanBeReached) {
  const auto actor = start({});
  ask<std::string>(actor, message_atom_v, encode({eve, {}}));

  tell(actor, unreachable_atom_v, eve.address);
  EXPECT_EQ(state_of(actor, "eve:1"), reachability::unreachable);

  tell(actor, contacted_atom_v, eve.address, eve.session.bits + 1);
  EXPECT_EQ(state_of(actor, "eve:1"), reachability::unreachable) << "that was another session";

  tell(actor, contacted_atom_v, eve.address, eve.session.bits);
  EXPECT_EQ(state_of(actor, "eve:1"), reachability::alive);
}

TEST_F(MembershipActor, KeepsAMemberThatItCannotReach) {
  peers.answer_by(unreachable);
  const auto actor = start({});
  ask<std::string>(actor, message_atom_v, encode({eve, {seed}}));

  advance(std::chrono::hours{100});

  EXPECT_EQ(report(actor).peers.size(), 2u);
  EXPECT_EQ(state_of(actor, "seed:1"), reachability::unreachable);
}

TEST_F(MembershipActor, HasJoinedWithoutSeeds) {
  const auto actor = start({});

  EXPECT_TRUE(report(actor).joined);
  EXPECT_EQ(report(actor).self, self);
}

} // namespace
} // namespace starling::actors
