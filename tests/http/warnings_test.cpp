#include "http/warnings.hpp"

#include <gmock/gmock.h>

namespace starling::http {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

actors::member_report member_at(const std::string& address, bool udp, bool tcp) {
  actors::member_report result{.record = {}, .since = {}};
  result.record.profile = membership::profile{.written = {},
                                              .session = {},
                                              .udp = {},
                                              .address = address,
                                              .name = "the one at " + address,
                                              .http_address = ""};
  result.udp = udp;
  result.tcp = tcp;
  return result;
}

TEST(Warnings, AreNoneIfAllIsWell) {
  actors::membership_report known;
  known.peers = {member_at("a:1", true, true)};
  EXPECT_THAT(warnings_of(known), IsEmpty());
}

TEST(Warnings, CountKeysThatThisVersionDoesNotKnow) {
  actors::gossip_report gossip;
  gossip.unknown_keys = 3;
  const auto warnings = warnings_of({}, {}, gossip);
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_THAT(warnings[0], HasSubstr("3 keys on the disk are of a type or a format that this"));
}

TEST(Warnings, SayWhoseSeedsLeadNowhere) {
  actors::membership_report known;
  known.isolated = true;
  known.alone = "a:1 is this node";
  const auto warnings = warnings_of(known);
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_THAT(warnings[0], HasSubstr("no other node of the cluster is there"));
  EXPECT_THAT(warnings[0], HasSubstr("a:1 is this node"));
}

TEST(Warnings, SayThatNobodyIsHeard) {
  actors::membership_report known;
  known.isolated = true;
  ASSERT_EQ(warnings_of(known).size(), 1u);
  EXPECT_THAT(warnings_of(known)[0], HasSubstr("nothing is heard"));
}

TEST(Warnings, NameWhoRefusesWhomAndWhy) {
  actors::membership_report known;
  known.refused_by = {{"b:1", "bob", "clock", "its clock is ahead", {}}};
  known.refuses = {{"c:1", "", "members", "it is one too many", {}}};
  const auto warnings = warnings_of(known);
  ASSERT_EQ(warnings.size(), 2u);
  EXPECT_EQ(warnings[0],
            "b:1 (bob) refuses this node, which is no member there: its clock is ahead");
  EXPECT_EQ(warnings[1], "c:1 is no member here: it is one too many");
}

TEST(Warnings, NameThePathThatIsBlocked) {
  actors::membership_report known;
  known.peers = {member_at("d:1", false, true), member_at("e:1", true, false)};
  const auto warnings = warnings_of(known);
  ASSERT_EQ(warnings.size(), 2u);
  EXPECT_THAT(warnings[0], HasSubstr("UDP does not get through between this node and d:1"));
  EXPECT_THAT(warnings[1], HasSubstr("TCP does not get through from this node to e:1"));
}

TEST(Warnings, SayThatWritesWaitUntilTheIdIsCertain) {
  actors::storage_report disk{.replica_state = actors::certainty::asked};
  auto warnings = warnings_of({}, disk);
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_THAT(warnings[0], HasSubstr("clients' writes would wait"));
  disk.holds_writes = true;
  disk.unanswered = "a:1, seed b:1";
  warnings = warnings_of({}, disk);
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_THAT(warnings[0], HasSubstr("clients' writes wait"));
  EXPECT_THAT(warnings[0], HasSubstr("; no answer from a:1, seed b:1"));
}

TEST(Warnings, SayThatTheRowsAreGone) {
  const auto warnings = warnings_of({}, {.were_rows_removed = true});
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_THAT(warnings[0], HasSubstr("what it had is gone"));
}

TEST(Warnings, SayWhatOpensLostKeys) {
  actors::storage_report disk{.is_mending = true};
  const auto warnings = warnings_of({}, disk);
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_THAT(warnings[0], HasSubstr("--accept-loss"));
  disk.failure = storage::failure{storage::trouble::full, "no room"};
  EXPECT_THAT(warnings_of({}, disk), IsEmpty()) << "it waits for room";
}

TEST(Warnings, NameWhoLacksValuesThatAreTooLarge) {
  actors::membership_report known;
  known.peers = {member_at("a:1", true, true), member_at("b:1", true, true)};
  known.peers[0].record.profile->session = {1};
  known.peers[1].record.profile->session = {2};
  actors::gossip_report gossip;
  gossip.peers.resize(2);
  gossip.peers[0].peer = {1};
  gossip.peers[0].refused = 3;
  gossip.peers[1].peer = {2};
  gossip.peers[1].brought_too_much = true;
  const auto warnings = warnings_of(known, {}, gossip);
  ASSERT_EQ(warnings.size(), 2u);
  EXPECT_THAT(warnings[0], HasSubstr("a:1 (the one at a:1) lacks values of this node that are"));
  EXPECT_THAT(warnings[1], HasSubstr("this node lacks a value of b:1 (the one at b:1)"));
}

TEST(Warnings, SayThatTheIdIsInDoubt) {
  const actors::storage_report disk{.replica_state = actors::certainty::doubtful,
                                    .unanswered = "a:1"};
  const auto warnings = warnings_of({}, disk);
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_THAT(warnings[0], HasSubstr("a new replica id; no answer from a:1"));
}

TEST(Warnings, NameWhoseCallsDoNotComeHere) {
  actors::membership_report known;
  known.peers = {member_at("d:1", true, true)};
  known.peers[0].tcp_in = false;
  ASSERT_EQ(warnings_of(known).size(), 1u);
  EXPECT_THAT(warnings_of(known)[0],
              HasSubstr("TCP does not get through from d:1 (the one at d:1) to this node"));
}

TEST(Warnings, SayThatNobodyReachesThisNode) {
  actors::membership_report known;
  known.self = member_at("a:1", true, true).record;
  known.unreached = true;
  ASSERT_EQ(warnings_of(known).size(), 1u);
  EXPECT_THAT(warnings_of(known)[0], HasSubstr("nothing of theirs reaches it at a:1"));
}

TEST(Warnings, NameWhoClaimsTheAddressOfThisNode) {
  actors::membership_report known;
  known.self = member_at("a:1", true, true).record;
  known.rival = member_at("a:1", true, true).record;
  known.rival->profile->name = "bob";
  ASSERT_EQ(warnings_of(known).size(), 1u);
  EXPECT_THAT(warnings_of(known)[0], HasSubstr("a:1 (bob) claims the address of this node, a:1"));
}

TEST(Warnings, NameWhomNothingReachesAndNothingElseOfIt) {
  actors::membership_report known;
  known.peers = {member_at("d:1", false, false), member_at("e:1", true, true)};
  known.peers[0].unreached = true;
  ASSERT_EQ(warnings_of(known).size(), 1u);
  EXPECT_THAT(warnings_of(known)[0], HasSubstr("nothing reaches d:1 (the one at d:1)"));
}

} // namespace
} // namespace starling::http
