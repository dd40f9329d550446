#include "actors/inquiry.hpp"
#include "disk_fixture.hpp"
#include "replication/confirmation.hpp"

#include <gmock/gmock.h>

namespace starling::actors {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;

const auto own_id = crdt::replica_id::from(1, 2);
const replication::session_id self{7};
const replication::session_id other{8};
const replication::session_id kept{70}; // by one that the disk notes

class Inquiry : public actor_test {
protected:
  void start(std::vector<std::string> members, std::vector<std::string> seeds = {}) {
    track(spawn_inquiry(sys, {.replica = own_id,
                              .changes = 5,
                              .session = self,
                              .witnesses = {kept},
                              .members = std::move(members),
                              .seeds = std::move(seeds),
                              .peers = peers.handle(),
                              .resolver = resolver.handle(),
                              .disk = disk,
                              .timeout = 2s,
                              .retry_interval = 100ms}));
    settle();
  }

  static fake_peers::reply says(std::uint64_t changes, const replication::session_id& who = other) {
    return replication::encode(replication::statement{who, changes, kept});
  }

  static fake_peers::reply newcomer_says(std::uint64_t changes) {
    return replication::encode(replication::statement{other, changes, other});
  }

  /// Under which id a write is numbered now; none while that is open.
  std::optional<crdt::replica_id> number() {
    return start_asking<crdt::replica_id>(disk, number_atom_v)->value;
  }

  fake_peers peers{sys};
  fake_resolver resolver{sys};
  std::shared_ptr<counting_store> rows = std::make_shared<counting_store>();
  storage_actor disk = track(spawn_storage(sys, {.rows = rows,
                                                 .seen = {},
                                                 .replica = own_id,
                                                 .is_confirmed = false,
                                                 .has_own_thread = false}));
};

TEST_F(Inquiry, AsksAllAtOnceWhatTheyKnowOfThisId) {
  start({"a:1", "b:1"});
  EXPECT_THAT(peers.addresses(), UnorderedElementsAre("a:1", "b:1"));
  EXPECT_EQ(peers.posts()[0].path, "/cluster/tally");
  EXPECT_EQ(replication::decode_question(peers.posts()[0].body),
            wire::decoded<crdt::replica_id>{own_id});
}

TEST_F(Inquiry, ConfirmsTheIdOnceAllHaveAnswered) {
  start({"a:1", "b:1"});
  EXPECT_FALSE(number());
  peers.answer(0, says(5));
  settle();
  EXPECT_FALSE(number());
  peers.answer(1, says(0));
  settle();
  EXPECT_EQ(number(), own_id);
}

TEST_F(Inquiry, EndsTheIdWhereSomebodyKnowsMore) {
  start({"a:1", "b:1"});
  peers.answer(1, says(6));
  settle();
  ASSERT_TRUE(number());
  EXPECT_NE(number(), own_id);
}

TEST_F(Inquiry, AsksThoseAgainThatDoNotAnswer) {
  peers.answer_by([](const fake_peers::post&) { return caf::make_error(errc::unreachable); });
  start({"a:1"});
  advance(350ms);
  EXPECT_EQ(peers.posts().size(), 4u);
  peers.answer_by([](const fake_peers::post&) { return says(5); });
  advance(100ms);
  EXPECT_EQ(number(), own_id);
  advance(10s);
  EXPECT_EQ(peers.posts().size(), 5u) << "it is over";
}

TEST_F(Inquiry, TakesNoOtherTextForAnAnswer) {
  peers.answer_by([](const fake_peers::post&) { return std::string{"gibberish"}; });
  start({"a:1"});
  advance(1s);
  EXPECT_FALSE(number());
}

TEST_F(Inquiry, GoesByThoseWhoAnsweredOnceTimeIsUp) {
  start({"a:1", "b:1"});
  peers.answer(0, says(5));
  advance(1900ms);
  EXPECT_FALSE(number());
  advance(100ms);
  EXPECT_EQ(number(), own_id);
}

TEST_F(Inquiry, TellsWhoHasNotAnswered) {
  const auto unanswered = [&] { return ask<storage_report>(disk, report_atom_v).unanswered; };
  start({"a:1", "b:1"}, {"seeds:1"});
  EXPECT_EQ(unanswered(), "a:1, b:1, seed seeds:1");
  peers.answer(0, says(5));
  settle();
  EXPECT_EQ(unanswered(), "b:1, seed seeds:1");
  advance(2s);
  EXPECT_EQ(unanswered(), "") << "it goes by the one who answered";
}

TEST_F(Inquiry, NamesSomeOfManyWhoHaveNotAnswered) {
  std::vector<std::string> members;
  for (int i = 100; i < 120; ++i)
    members.push_back(std::to_string(i) + ":1");
  start(members);
  EXPECT_EQ(ask<storage_report>(disk, report_atom_v).unanswered,
            "100:1, 101:1, 102:1, 103:1, 104:1, 105:1, 106:1, 107:1 and 12 more");
}

TEST_F(Inquiry, LeavesItInDoubtWhereNobodyAnswers) {
  start({"a:1", "b:1"});
  advance(2s);
  EXPECT_EQ(ask<storage_report>(disk, report_atom_v).replica, own_id) << "nobody writes";
  ASSERT_TRUE(number());
  EXPECT_NE(number(), own_id);
}

TEST_F(Inquiry, ConfirmsTheIdByALateAnswerIfNobodyHasWritten) {
  peers.answer_by([](const fake_peers::post&) { return caf::make_error(errc::unreachable); });
  start({"a:1"});
  advance(10s);
  peers.answer_by([](const fake_peers::post&) { return says(5); });
  advance(1s);
  EXPECT_EQ(number(), own_id);
}

TEST_F(Inquiry, LeavesItInDoubtWhereNobodyWhoAnswersIsAWitness) {
  start({"a:1", "b:1"});
  peers.answer(0, newcomer_says(5));
  settle();
  EXPECT_EQ(ask<storage_report>(disk, report_atom_v).replica_state, certainty::asked);
  peers.answer(1, newcomer_says(0));
  settle();
  EXPECT_EQ(ask<storage_report>(disk, report_atom_v).replica_state, certainty::doubtful)
      << "there is nobody to wait for";
  ASSERT_TRUE(number());
  EXPECT_NE(number(), own_id);
}

TEST_F(Inquiry, BelievesAnybodyWhoKnowsMore) {
  start({"a:1", "b:1"});
  peers.answer(0, newcomer_says(6));
  settle();
  ASSERT_TRUE(number());
  EXPECT_NE(number(), own_id);
}

TEST_F(Inquiry, ConfirmsTheIdByAWitnessThatAnswersLate) {
  start({"a:1", "b:1"});
  peers.answer(0, newcomer_says(0));
  advance(2s);
  EXPECT_EQ(ask<storage_report>(disk, report_atom_v).replica_state, certainty::doubtful);
  peers.answer(1, says(5));
  settle();
  EXPECT_EQ(number(), own_id);
}

TEST_F(Inquiry, DoesNotTakeItselfForAnother) {
  start({"a:1"});
  peers.answer(0, says(5, self));
  settle();
  EXPECT_EQ(number(), own_id) << "nobody else is there";
}

TEST_F(Inquiry, DoesNotBelieveItselfWhereOthersAreSilent) {
  start({"a:1", "b:1"});
  peers.answer(0, says(5, self));
  advance(2s);
  EXPECT_NE(number(), own_id);
}

TEST_F(Inquiry, AsksASeedThatIsAnAddress) {
  resolver.set(membership::udp_address::v4(10, 0, 0, 1, 1));
  start({}, {"10.0.0.1:1"});
  EXPECT_THAT(peers.addresses(), ElementsAre("10.0.0.1:1"));
  EXPECT_FALSE(number());
  peers.answer(0, says(6));
  settle();
  ASSERT_TRUE(number());
  EXPECT_NE(number(), own_id);
}

TEST_F(Inquiry, AsksNobodyTwiceWhoIsSeedAndMember) {
  resolver.set(membership::udp_address::v4(10, 0, 0, 1, 1));
  start({"10.0.0.1:1"}, {"10.0.0.1:1"});
  EXPECT_THAT(peers.addresses(), ElementsAre("10.0.0.1:1"));
  peers.answer(0, says(5));
  settle();
  EXPECT_EQ(number(), own_id);
}

TEST_F(Inquiry, AsksSeedsWhereTheirNamesLead) {
  start({"b:1"}, {"seeds:1"});
  EXPECT_THAT(resolver.asked(), ElementsAre("seeds:1"));
  EXPECT_THAT(peers.addresses(), ElementsAre("b:1"));
  peers.answer(0, says(5));
  settle();
  EXPECT_FALSE(number()) << "a seed is not found yet";
  resolver.set(membership::udp_address::v4(10, 0, 0, 1, 1));
  advance(100ms);
  EXPECT_EQ(peers.addresses().back(), "10.0.0.1:1");
  peers.answer(1, says(6));
  settle();
  ASSERT_TRUE(number());
  EXPECT_NE(number(), own_id);
}

} // namespace
} // namespace starling::actors
