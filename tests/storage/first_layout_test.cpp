#include "storage/first_layout.hpp"
#include "storage/identity.hpp"
#include "storage/memory_store.hpp"
#include "storage/salvage.hpp"
#include "tests/storage/first_rows.hpp"
#include "tests/storage/holed_snapshot.hpp"

#include <gtest/gtest.h>

#include <random>

namespace starling::storage {
namespace {

using namespace std::string_literals;
using crdt::type;

const auto own_id = crdt::replica_id::from(1, 1);
const auto other_id = crdt::replica_id::from(2, 2);
const replication::digester digests{wire::secret{"cluster", "key"}.sign("digest", {})};

crdt::payload text(std::string x) {
  return {crdt::payload_kind::text, std::move(x)};
}

/// Rows of this version and the same of format 1.
class FirstLayout : public testing::Test {
protected:
  FirstLayout() {
    EXPECT_FALSE(renew_digests(rows, digests));
    EXPECT_TRUE(std::holds_alternative<taken_up>(adopt_replica(rows, {}, true, own_id)));
    std::mt19937 random{1};
    for (int i = 0; i < 60; ++i) {
      const auto name = std::to_string(random() % 1000);
      apply({type::counter, name}, crdt::counter_add{i + 1});
      apply({type::register_, name}, crdt::register_assign{text(name)});
      crdt::set_change change;
      for (int k = 0; k < 70; ++k)
        change.add.push_back(
            {text(std::to_string(1000 * k + static_cast<int>(random() % 1000))), {}});
      apply({type::set, name}, change);
      // Another replica removed what we have not seen: that leaves dead entries.
      crdt::or_set others;
      others.remove(other_id, text("later"), {{other_id, 7}});
      join({type::set, name}, others);
    }
  }

  void apply(const crdt::key& key, const crdt::command& c) {
    auto value = held(key, rows);
    batch changed;
    value.apply(c, own_id, 1, digests, &changed);
    EXPECT_FALSE(rows.commit({changed}, true));
    keys.insert(key);
  }

  void join(const crdt::key& key, const crdt::value& part) {
    auto value = held(key, rows);
    batch changed;
    value.join(part, digests, &changed);
    EXPECT_FALSE(rows.commit({changed}, true));
  }

  static held_value held(const crdt::key& key, const store& in) {
    auto read = read_value(*in.now(), key, UINT64_MAX, digests);
    EXPECT_TRUE(std::holds_alternative<std::optional<held_value>>(read));
    auto kept = std::get<0>(std::move(read));
    return kept ? std::move(*kept) : held_value{key};
  }

  memory_store::rows first() const {
    const auto made = as_of_format_1(rows.contents());
    return {made.begin(), made.end()};
  }

  salvaged migrate(const snapshot& from) {
    auto result = salvage({from, layout_of_format_1(), true}, target, digests, loss::fails);
    EXPECT_TRUE(std::holds_alternative<salvaged>(result));
    return std::get<salvaged>(std::move(result));
  }

  memory_store rows;
  memory_store target;
  std::set<crdt::key> keys;
};

TEST_F(FirstLayout, IsTheFormatOfThoseRows) {
  const crdt::key fruits{type::set, "fruits"};
  const auto id = "\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x01"s;
  EXPECT_EQ(first_layout::key_of_head("k\3fruits"), fruits);
  EXPECT_EQ(first_layout::key_of_head("l\3fruits"), std::nullopt);
  EXPECT_EQ(first_layout::member_of(fruits, "m\6fruits\2fig"), text("fig"));
  EXPECT_EQ(first_layout::member_of(fruits, "m\6fruitx\2fig"), std::nullopt);
  const auto entry =
      first_layout::read_entry(fruits, "e\6fruits\1" + id + "\0\0\0\0\0\0\x01\x02\x02"s + "fig");
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->event, (crdt::or_set::entry{own_id, 258, true}));
  EXPECT_EQ(entry->member, text("fig"));
  EXPECT_EQ(first_layout::listed({"k\1a", "l"}), (row_range{"l\1a", "m"}));
}

TEST_F(FirstLayout, IsTranslatedToTheRowsOfToday) {
  const auto before = first();
  EXPECT_NE(before, rows.contents());

  const auto result = migrate(holed_snapshot{before});

  EXPECT_EQ(result.kept, keys.size());
  EXPECT_TRUE(result.lost.empty());
  EXPECT_TRUE(result.has_replica);
  EXPECT_EQ(target.contents(), rows.contents());
}

TEST_F(FirstLayout, KeepsWhatItDoesNotKnow) {
  const crdt::key newer{type::set, "fruits"};
  apply(newer, crdt::set_change{{{text("fig"), {}}}, {}});
  auto before = first();
  before["k\3" + newer.name][16 + 3] = 2; // the format of its value
  before["k\xc8peak"] = "a head of a type that is not known";
  before["q\4peak"] = "a row beside it";

  const auto result = migrate(holed_snapshot{before});

  EXPECT_EQ(result.kept, keys.size() - 1);
  EXPECT_TRUE(result.lost.empty());
  auto expected = rows.contents();
  const crdt::key high{static_cast<type>(200), "peak"};
  expected[head_name(newer)] = before["k\3" + newer.name];
  expected[head_name(high)] = before["k\xc8peak"];
  expected[listed_name(high)] = "";
  expected["q\4peak"] = "a row beside it";
  EXPECT_EQ(target.contents(), expected);
}

TEST_F(FirstLayout, KeepsWhatWasLostBefore) {
  lost_keys lost;
  lost.add(listed_name({type::counter, "a"}), listed_name({type::counter, "c"}));
  lost.add({type::set, "x"});
  batch noted;
  put(noted, lost);
  ASSERT_FALSE(rows.commit({noted}, true));

  const auto result = migrate(holed_snapshot{first()});

  EXPECT_EQ(result.lost, lost);
  EXPECT_TRUE(result.has_replica) << "nothing was lost now";
  EXPECT_EQ(target.contents(), rows.contents());
}

TEST_F(FirstLayout, LosesTheKeysOfAGap) {
  auto counters = keys;
  std::erase_if(counters, [](const auto& k) { return k.type != type::counter; });
  const auto from = *std::next(counters.begin(), 10);
  const auto to = *std::next(counters.begin(), 20);
  holed_snapshot damaged{first()};
  damaged.add({"k\1" + from.name, "k\1" + to.name});

  const auto result = migrate(damaged);

  EXPECT_EQ(result.kept, keys.size() - 10);
  EXPECT_FALSE(result.has_replica);
  for (const auto& key : keys)
    EXPECT_EQ(result.lost.contains(key), from <= key && key < to) << key.name;
}

TEST_F(FirstLayout, LosesASetWithTheFirstOfItsMembers) {
  const auto set =
      *std::find_if(keys.begin(), keys.end(), [](const auto& k) { return k.type == type::set; });
  holed_snapshot damaged{first()};
  auto [begin, end] = first_layout::members_between(set);
  damaged.add({begin + "\2" + "3", begin + "\2" + "4"});

  const auto result = migrate(damaged);

  EXPECT_TRUE(result.lost.contains(set));
  EXPECT_EQ(result.kept, keys.size() - 1);
  EXPECT_FALSE(result.has_replica);
  for (const auto& [name, value] : target.contents())
    EXPECT_NE(key_of_row(name), set) << "a row is left over";
}

} // namespace
} // namespace starling::storage
