#include "membership/remembered.hpp"
#include "tests/membership/stage.hpp"
#include "wire/fields.hpp"

#include <gmock/gmock.h>

namespace starling::membership {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const remembered_member gone{node_id::from(900, 0), "gone:9080", true};
const remembered_member ill{node_id::from(901, 0), "ill:9080", false};
const remembered_member holder{node_id::from(902, 0), "holder:9080", true, session_id{77}};
const remembered_member dead_holder{node_id::from(903, 0), "dead:9080", false, session_id{78}};

remembered_member of(const stage::peer& p, bool was_alive = true) {
  return {p.id, p.address, was_alive};
}

TEST(WorthRemembering, AreThoseWhoAreInTheTable) {
  stage st{2};
  EXPECT_THAT(worth_remembering(st.core, {}, {}, 10),
              ElementsAre(of(st.peers[0]), of(st.peers[1])));
  EXPECT_THAT(worth_remembering(st.core, {gone}, {}, 10),
              ElementsAre(of(st.peers[0]), of(st.peers[1])))
      << "the living know whether there are more";
}

TEST(WorthRemembering, AreTheDeadBehindTheLivingAndNotThoseWhoLeft) {
  stage st{3};
  st.gossip(st.peers[2], {st.peers[0].claim(member_state::dead, {st.peers[2].id})});
  EXPECT_THAT(worth_remembering(st.core, {}, {}, 10),
              ElementsAre(of(st.peers[1]), of(st.peers[2]), of(st.peers[0], false)));
  EXPECT_THAT(worth_remembering(st.core, {}, {}, 2), ElementsAre(of(st.peers[1]), of(st.peers[2])));
  st.gossip(st.peers[2], {st.peers[0].claim(member_state::left)});
  EXPECT_THAT(worth_remembering(st.core, {}, {}, 10),
              ElementsAre(of(st.peers[1]), of(st.peers[2])));
}

TEST(WorthRemembering, AreThoseOfBeforeAsLongAsNobodyIsAlive) {
  stage alone{0};
  EXPECT_THAT(worth_remembering(alone.core, {gone, ill}, {}, 10), ElementsAre(gone, ill));

  stage st{2};
  st.gossip(st.peers[1], {st.peers[0].claim(member_state::left)});
  st.gossip(st.peers[1], {st.peers[1].claim(member_state::left)});
  const auto before = std::vector{of(st.peers[0]), gone};
  EXPECT_THAT(worth_remembering(st.core, before, {}, 10), ElementsAre(gone));
}

TEST(Remembered, IsReadAsItWasWritten) {
  const std::vector members{gone, ill, holder, dead_holder};
  const auto bytes = encode(members);
  EXPECT_EQ(decode_remembered(bytes), wire::decoded<std::vector<remembered_member>>{members});
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_TRUE(std::holds_alternative<wire::decode_error>(
        decode_remembered(std::string_view{bytes}.substr(0, size))))
        << size;
  EXPECT_TRUE(std::holds_alternative<wire::decode_error>(decode_remembered(bytes + "x")));
}

TEST(WorthRemembering, AreHoldersWheneverTheyComeBack) {
  stage st{2};
  const holders known{{st.peers[1].id, session_id{77}}, {gone.id, session_id{78}}};
  auto second = of(st.peers[1]);
  second.kept_since = session_id{77};
  EXPECT_THAT(worth_remembering(st.core, {gone}, known, 10), ElementsAre(of(st.peers[0]), second));
  EXPECT_EQ(holders_among({of(st.peers[0]), second, dead_holder}),
            (holders{{st.peers[1].id, session_id{77}}, {dead_holder.id, session_id{78}}}));
}

/// As an earlier version wrote it, without fields.
std::string as_of_format_2(const std::vector<remembered_member>& members) {
  wire::writer out;
  out.u8(2);
  out.varint(members.size());
  for (const auto& one : members) {
    const auto whole = encode({one});
    out.raw(std::string_view{whole}.substr(2, whole.size() - 3));
  }
  return std::move(out).take();
}

TEST(Remembered, AreReadAsAnEarlierVersionWroteThem) {
  const std::vector members{gone, ill, holder, dead_holder};
  EXPECT_EQ(*decode_remembered(as_of_format_2(members)), members);
}

TEST(Remembered, MayHaveFieldsOfALaterVersion) {
  auto bytes = encode({holder});
  bytes.pop_back(); // the end of the member's fields
  wire::writer out;
  wire::put_field(out, 7, "of the member");
  wire::end_fields(out);
  wire::put_field(out, 9, "of them all");
  wire::end_fields(out);
  bytes += out.view();
  EXPECT_EQ(*decode_remembered(bytes), std::vector{holder});
  EXPECT_FALSE(decode_remembered(bytes + "x"));
}

TEST(Remembered, OfAnEarlierBuildAreNoHolders) {
  auto bytes = as_of_format_2({gone, ill});
  bytes[0] = 1;
  EXPECT_THAT(*decode_remembered(bytes), ElementsAre(gone, ill));
  bytes = as_of_format_2({dead_holder});
  bytes[0] = 1;
  EXPECT_TRUE(std::holds_alternative<wire::decode_error>(decode_remembered(bytes)));
}

TEST(Remembered, WithAnUnknownFlagAreRefused) {
  auto bytes = encode({gone});
  bytes[bytes.size() - 2] = 4; // before the end of its fields
  EXPECT_EQ(std::get<wire::decode_error>(decode_remembered(bytes)).what,
            "unknown flag of a remembered member");
}

TEST(Remembered, AreLookedForWhereTheLivingWere) {
  EXPECT_THAT(addresses_of({}), IsEmpty());
  EXPECT_THAT(addresses_of({gone, ill}), ElementsAre("gone:9080"));
  EXPECT_THAT(addresses_of({ill}), ElementsAre("ill:9080"));
  EXPECT_THAT(addresses_of({gone, {ill.id, gone.address, true}}), ElementsAre("gone:9080"));
}

} // namespace
} // namespace starling::membership
