#include "../actors/fixture.hpp"
#include "http/cluster_view.hpp"

#include <gtest/gtest.h>

namespace starling::http {
namespace {

using actors::make_member;
using membership::member_state;

constexpr std::chrono::sys_seconds started{std::chrono::seconds{1'700'000'000}};
const crdt::replica_id first{};

cluster_view view_of(const node::node_report& report) {
  return http::view_of(report, first, started);
}

/// One with a single peer in that state.
node::node_report with_peer(member_state state) {
  node::node_report result;
  result.membership.self = make_member("self:1", 1);
  auto& peer = result.membership.peers.emplace_back();
  peer.record = make_member("a:1", 2);
  peer.record.status.is = state;
  return result;
}

TEST(ClusterView, SaysWhyAPeerIsNotAlive) {
  EXPECT_EQ(view_of(with_peer(member_state::alive)).peers.at(0).reason, "");
  EXPECT_EQ(view_of(with_peer(member_state::left)).peers.at(0).reason, "it left");
  EXPECT_EQ(view_of(with_peer(member_state::suspect)).peers.at(0).reason, "no answer");

  auto report = with_peer(member_state::suspect);
  report.membership.peers[0].record.status.accusers.insert(report.membership.self.id);
  EXPECT_EQ(view_of(report).peers.at(0).reason, "no answer to node-1");

  report = with_peer(member_state::dead);
  EXPECT_EQ(view_of(report).peers.at(0).reason, "no answer in time to another node");
  report.membership.peers[0].own_verdict = true;
  EXPECT_EQ(view_of(report).peers.at(0).reason, "no answer in time to this node");
}

TEST(ClusterView, LeavesOutPeersThatWereReplaced) {
  auto report = with_peer(member_state::dead);
  report.membership.peers[0].replaced = true;
  EXPECT_TRUE(view_of(report).peers.empty());
}

TEST(ClusterView, ShowsTheReplicaIdThatTheDiskKnows) {
  auto report = with_peer(member_state::alive);
  EXPECT_EQ(view_of(report).self.replica_id, to_string(first));

  const auto second = crdt::replica_id::from(7, 8);
  report.storage.replica = second;
  EXPECT_EQ(view_of(report).self.replica_id, to_string(second));
}

TEST(ClusterView, SaysThatTheNodeIsLeavingAsSoonAsItRefusesWrites) {
  auto report = with_peer(member_state::alive);
  EXPECT_FALSE(view_of(report).self.leaving);
  report.refuses_writes = true;
  EXPECT_TRUE(view_of(report).self.leaving);
}

} // namespace
} // namespace starling::http
