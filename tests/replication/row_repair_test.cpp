#include "replication/repair.hpp"
#include "replication/row_repair.hpp"
#include "tests/replication/three_sets.hpp"

#include <gtest/gtest.h>

namespace starling::replication {
namespace {

using namespace std::string_literals;

const digester digests{wire::secret{"cluster", "key"}.sign("digest", {})};
const crdt::key fruits{crdt::type::set, "fruits"};

using crdt::text;

/// What a walk between two snapshots named to each side.
struct differences {
  std::vector<std::string> here;
  std::vector<std::string> there;
};

differences walk(const value_snapshot& here, const value_snapshot& there) {
  differences result;
  repair_walk w{repair_message_bytes_min};
  while (const auto& request = w.next(here.rows())) {
    auto reply = answer_to(*request, there.rows(), repair_message_bytes_min);
    const auto named =
        w.answered(here.rows(), reply.answer).value().take_names(here.rows(), SIZE_MAX);
    result.here.insert(result.here.end(), named.begin(), named.end());
    const auto wanted = reply.wanted.take_names(there.rows(), SIZE_MAX);
    result.there.insert(result.there.end(), wanted.begin(), wanted.end());
  }
  return result;
}

/// The rows of some names as they travel, a few in each message.
std::vector<snapshot_rows> sent(const value_snapshot& from, const std::vector<std::string>& names) {
  std::vector<snapshot_rows> result;
  for (std::size_t first = 0; first == 0 || first < names.size(); first += 5) {
    const auto last = std::min(first + 5, names.size());
    const std::vector<std::string> some(names.begin() + static_cast<std::ptrdiff_t>(first),
                                        names.begin() + static_cast<std::ptrdiff_t>(last));
    result.push_back(
        std::get<snapshot_rows>(decode_snapshot_rows(crdt::type::set, encode(from.rows_of(some)))));
  }
  return result;
}

TEST(RowRepair, DoesWhatJoiningTheWholeSnapshotDoesWhateverHappensMeanwhile) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    three_sets c{seed};
    for (std::uint64_t i = 0; i < 20 + seed; ++i)
      c.step();
    const value_snapshot a{digests, fruits, c.sets[0]};
    const value_snapshot b{digests, fruits, c.sets[1]};
    const auto state_of_a = c.sets[0];
    const auto state_of_b = c.sets[1];

    const auto found = walk(a, b);
    for (int i = 0; i < 20; ++i)
      c.step(); // nothing of this is in the snapshots

    const auto b_as_a_knows_it = a.other_side(found.here, sent(b, found.there));
    const auto a_as_b_knows_it = b.other_side(found.there, sent(a, found.here));
    ASSERT_TRUE(b_as_a_knows_it && a_as_b_knows_it);
    ASSERT_EQ(*b_as_a_knows_it, state_of_b);
    ASSERT_EQ(*a_as_b_knows_it, state_of_a);
    ASSERT_EQ(b_as_a_knows_it->footprint(), state_of_b.footprint());

    auto repaired = c.sets[0];
    auto expected = c.sets[0];
    repaired.join(b_as_a_knows_it->as<crdt::or_set>());
    expected.join(state_of_b);
    ASSERT_EQ(repaired, expected);
  }
}

TEST(RowRepair, NamesOnlyMembersWhoseRowsDiffer) {
  crdt::or_set a;
  for (int i = 0; i < 1000; ++i)
    a.add(crdt::replica_id::from(1, 1), text(std::to_string(i)));
  auto b = a;
  b.add(crdt::replica_id::from(2, 2), text("new"));
  b.remove(crdt::replica_id::from(2, 2), text("7"), b.context(text("7")));
  const value_snapshot here{digests, fruits, a};
  const value_snapshot there{digests, fruits, b};

  const auto found = walk(here, there);

  EXPECT_EQ(found.here.size(), 1u);
  EXPECT_TRUE(here.rows_of(found.here).rows.as<crdt::or_set>().contains(text("7")));
  EXPECT_EQ(there.rows_of(found.there).rows.as<crdt::or_set>().members(), std::vector{text("new")});
}

TEST(RowRepair, ExchangesWhatWasSeenWhereNoRowDiffers) {
  crdt::or_set a;
  a.add(crdt::replica_id::from(1, 1), text("x"));
  auto b = a;
  b.add(crdt::replica_id::from(2, 2), text("gone"));
  b.remove(crdt::replica_id::from(2, 2), text("gone"), b.context(text("gone")));
  const value_snapshot here{digests, fruits, a};
  const value_snapshot there{digests, fruits, b};

  EXPECT_EQ(here.rows().root(), there.rows().root());
  EXPECT_EQ(here.other_side({}, sent(there, {})), b);
}

TEST(RowRepair, MakesNothingOfRowsThatAreMissingOrOfAnotherSnapshot) {
  crdt::or_set a;
  crdt::or_set b;
  for (int i = 0; i < 20; ++i)
    b.add(crdt::replica_id::from(2, 2), text(std::to_string(i)));
  const value_snapshot here{digests, fruits, a};
  const value_snapshot there{digests, fruits, b};
  b.add(crdt::replica_id::from(2, 2), text("later"));
  const value_snapshot later{digests, fruits, b};
  const auto found = walk(here, there);
  auto rows = sent(there, found.there);
  ASSERT_EQ(rows.size(), 4u);

  EXPECT_TRUE(here.other_side(found.here, rows));
  EXPECT_FALSE(here.other_side(found.here, {}));
  auto mixed = rows;
  mixed.back() = later.rows_of({found.there.begin() + 15, found.there.end()});
  EXPECT_FALSE(here.other_side(found.here, mixed));
  rows.pop_back();
  EXPECT_FALSE(here.other_side(found.here, rows));
}

TEST(RowRepair, DigestsASnapshotAsItsValue) {
  three_sets c{1};
  for (int i = 0; i < 200; ++i)
    c.step();

  EXPECT_EQ((value_snapshot{digests, fruits, c.sets[0]}.whole()),
            digests.digest_of(fruits, c.sets[0]));
}

TEST(SnapshotRows, HaveTheseBytesForEver) {
  crdt::or_set rows;
  rows.add(crdt::replica_id::from(0xa0a1a2a3a4a5a6a7, 0xa8a9aaabacadaeaf), text("x"));
  const auto expected = "\x01"                             // version
                        "\x02\x00\x00\x00\x00\x00\x00\x00" // the digest
                        "\x01\x00\x00\x00\x00\x00\x00\x00" //
                        "\x01"                             // one replica
                        "\xa0\xa1\xa2\xa3\xa4\xa5\xa6\xa7\xa8\xa9\xaa\xab\xac\xad\xae\xaf"
                        "\x01\x01\x00"   // has seen event 1
                        "\x01"           // one member:
                        "\x02\x01x"      //   a text
                        "\x01\x00\x03"s; //   held by event 1
  const snapshot_rows r{{1, 2}, rows};

  EXPECT_EQ(encode(r), expected);
  EXPECT_EQ(decode_snapshot_rows(crdt::type::set, expected), (wire::decoded<snapshot_rows>{r}));
  for (std::size_t size = 0; size < expected.size(); ++size)
    EXPECT_TRUE(std::holds_alternative<wire::decode_error>(
        decode_snapshot_rows(crdt::type::set, expected.substr(0, size))));
  EXPECT_TRUE(std::holds_alternative<wire::decode_error>(
      decode_snapshot_rows(crdt::type::set, expected + '\0')));
}

TEST(RowRepair, PutsNothingTogetherThatIsNoSet) {
  const crdt::key key{crdt::type::set, "fruits"};
  const auto replica = crdt::replica_id::from(1, 1);
  const auto apple = crdt::payload{crdt::payload_kind::text, "apple"};
  const auto pear = crdt::payload{crdt::payload_kind::text, "pear"};
  crdt::or_set mine;
  mine.add(replica, apple);
  const value_snapshot here{digests, key, mine};
  crdt::or_set lie; // the same event for another member
  lie.add(replica, pear);
  row_digester row{digests, key};
  const auto both = here.rows().root() + row.of_row<crdt::or_set>(pear, lie.rows().at(pear)) +
                    row.of_seen(lie.seen());

  EXPECT_FALSE(here.other_side({}, {snapshot_rows{both, lie}}));
}

} // namespace
} // namespace starling::replication
