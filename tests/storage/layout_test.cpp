#include "storage/event_index.hpp"
#include "storage/layout.hpp"
#include "tests/storage/bytes_of_row.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <vector>

namespace starling::storage {
namespace {

using namespace std::string_literals;

const crdt::key visitors{crdt::type::counter, "visitors"};
const crdt::key fruits{crdt::type::set, "fruits"};
const auto ann = crdt::replica_id::from(1, 1);
const auto ben = crdt::replica_id::from(2, 2);

crdt::payload text(std::string x) {
  return {crdt::payload_kind::text, std::move(x)};
}

bool lies_in(const std::string& name, const std::pair<std::string, std::string>& range) {
  return range.first <= name && name < range.second;
}

const std::vector<std::string> hostile_names{"",
                                             "a",
                                             "ab",
                                             "b",
                                             "\0"s,
                                             "\0a"s,
                                             "a\0"s,
                                             "a\0b"s,
                                             "\xff",
                                             "\xff\xff",
                                             "\xff\x01",
                                             "ü",
                                             std::string(crdt::key_name_max, 'x'),
                                             std::string(crdt::key_name_max, '\xff')};

TEST(Layout, FindsTheKeyOfAHead) {
  for (const auto type : {crdt::type::counter, crdt::type::register_, crdt::type::set})
    for (const auto& name : hostile_names) {
      const crdt::key key{type, name};
      EXPECT_EQ(key_of_head(head_name(key)), key);
      EXPECT_TRUE(lies_in(head_name(key), all_heads()));
      auto elsewhere = head_name(key);
      ++elsewhere[2];
      EXPECT_EQ(key_of_head(elsewhere), std::nullopt) << "in another slot";
    }
}

TEST(Layout, ListsKeysInTheirOrder) {
  std::vector<crdt::key> keys;
  for (const auto type : {crdt::type::set, crdt::type::counter, crdt::type::register_})
    for (const auto& name : hostile_names)
      keys.push_back({type, name});
  std::ranges::sort(keys);
  std::vector<std::string> names;
  for (const auto& key : keys) {
    names.push_back(listed_name(key));
    EXPECT_EQ(key_of_listed(names.back()), key);
    EXPECT_TRUE(lies_in(names.back(), all_listed()));
    EXPECT_TRUE(lies_in(names.back(), listed_between(key.type, "")));
    EXPECT_TRUE(lies_in(names.back(), listed_between(key.type, key.name)));
  }
  EXPECT_TRUE(std::ranges::is_sorted(names));
}

TEST(Layout, ListsOnlyTheKeysOfAPrefix) {
  const auto range = listed_between(crdt::type::set, "fr");
  EXPECT_TRUE(lies_in(listed_name(fruits), range));
  EXPECT_FALSE(lies_in(listed_name({crdt::type::set, "f"}), range));
  EXPECT_FALSE(lies_in(listed_name({crdt::type::set, "fs"}), range));
  EXPECT_FALSE(lies_in(listed_name({crdt::type::counter, "fruits"}), range));
}

TEST(Layout, KeepsTheRowsOfAPartitionInThreeRanges) {
  const auto is_among = [](const std::string& name, crdt::partition p) {
    return std::ranges::any_of(rows_of(p), [&](const auto& range) { return lies_in(name, range); });
  };
  for (const auto& name : hostile_names)
    for (const auto type : {crdt::type::set, static_cast<crdt::type>(200)}) {
      const crdt::key key{type, name};
      const auto own = crdt::partition_of(crdt::slot_of(name));
      for (const auto& row : {head_name(key), member_name(key, text("x")),
                              index_name(key, {ann, 1, true}), index_name(key, {ann, 1, false})})
        for (const auto p : {0, crdt::partitions - 1, static_cast<int>(own) - 1,
                             static_cast<int>(own), static_cast<int>(own) + 1})
          if (0 <= p && p < crdt::partitions) {
            const auto other = static_cast<crdt::partition>(p);
            EXPECT_EQ(is_among(row, other), other == own);
          }
    }
}

TEST(Layout, KnowsWhichRowsItDoesNotKnow) {
  const auto is_unknown = [](const std::string& name) {
    return std::ranges::any_of(all_unknown_rows(), [&](const auto& rows) {
      return rows.first <= name && name < rows.second;
    });
  };
  for (const auto* name : {"", "\1", "K", "b", "jx", "o", "q of a later version", "y", "{", "\xff"})
    EXPECT_TRUE(is_unknown(name)) << name;
  const crdt::key set{crdt::type::set, "x"};
  for (const auto& name :
       {head_name({static_cast<crdt::type>(200), "x"}), members_between(set).first,
        index_name(set, {ann, 1, true}), listed_name(set), node_row("x"),
        lost_row(lost_copy::first, "x"), lost_row(lost_copy::second, "x")})
    EXPECT_FALSE(is_unknown(name)) << name;
}

TEST(Layout, KeepsAHeadWhole) {
  crdt::value counter{crdt::type::counter};
  counter.as<crdt::pn_counter>().add(ann, 5);
  crdt::or_set set;
  set.add(ann, text("apple"));
  for (const auto& [type, h] :
       {std::pair{crdt::type::counter, head{{1, 2}, counter}},
        std::pair{crdt::type::set,
                  head{{UINT64_MAX, 0}, crdt::or_set{set.seen(), {}}, 1'000'000, 3, 77}}}) {
    const auto bytes = encode(h);
    EXPECT_EQ(decode_head(type, bytes), h);
    EXPECT_EQ(digest_of_head(bytes), h.digest);
    for (std::size_t size = 0; size < bytes.size(); ++size)
      EXPECT_EQ(decode_head(type, std::string_view{bytes}.substr(0, size)), std::nullopt);
    EXPECT_EQ(decode_head(crdt::type::register_, bytes), std::nullopt) << "of another type";
  }
}

TEST(Layout, TakesNoMembersOutOfAHead) {
  crdt::or_set set;
  set.add(ann, text("apple"));
  EXPECT_EQ(decode_head(crdt::type::set, encode(head{{}, set})), std::nullopt);
}

TEST(Layout, KeepsMembersInTheirOrderAndApartFromOtherSets) {
  std::vector<crdt::payload> members;
  for (const auto kind :
       {crdt::payload_kind::json, crdt::payload_kind::text, crdt::payload_kind::bytes})
    for (const auto& name : hostile_names)
      members.push_back({kind, name});
  std::ranges::sort(members);
  for (const auto& set_name : hostile_names) {
    const crdt::key set{crdt::type::set, set_name};
    std::vector<std::string> names;
    for (const auto& member : members) {
      names.push_back(member_name(set, member));
      EXPECT_EQ(member_of(set, names.back()), member);
      EXPECT_EQ(key_of_row(names.back()), set);
      for (const auto& other : hostile_names)
        EXPECT_EQ(lies_in(names.back(), members_between({crdt::type::set, other})),
                  other == set_name);
    }
    EXPECT_TRUE(std::ranges::is_sorted(names));
  }
  EXPECT_EQ(member_of(visitors, member_name(fruits, text("apple"))), std::nullopt);
}

TEST(Layout, FindsTheIndexOfARangeOfEvents) {
  const auto name = [](std::uint64_t number, bool live, const crdt::replica_id& replica = ann) {
    return index_name(fruits, {replica, number, live});
  };
  const auto range = index_between(fruits, true, ann, {255, 256});
  EXPECT_TRUE(lies_in(name(255, true), range));
  EXPECT_TRUE(lies_in(name(256, true), range));
  EXPECT_EQ(name(224, true), name(255, true)) << "of one block";
  EXPECT_FALSE(lies_in(name(223, true), range));
  EXPECT_FALSE(lies_in(name(288, true), range));
  EXPECT_FALSE(lies_in(name(255, false), range));
  EXPECT_FALSE(lies_in(name(255, true, ben), range));
  EXPECT_EQ(first_event_of(fruits, name(255, true)), 224u);
  EXPECT_EQ(first_event_of(visitors, name(255, true)), std::nullopt);
  EXPECT_EQ(first_event_of(fruits, name(255, true) + "x"), std::nullopt);
  EXPECT_EQ(first_event_of(fruits, member_name(fruits, text("apple"))), std::nullopt);
  EXPECT_EQ(key_of_row(name(255, true)), fruits);
  EXPECT_TRUE(lies_in(name(255, false), index_of(fruits)));
  EXPECT_TRUE(lies_in(name(crdt::event_number_max, true),
                      index_between(fruits, true, ann, {1, crdt::event_number_max})));
}

TEST(Layout, MakesAnIndexThatSaysWhatTheClocksSay) {
  index_rows index{fruits};
  const auto add = [&](const char* member, const crdt::or_set::row& row) {
    index.add(text(member), crdt::or_set::entries_of(row));
  };
  add("fig", {{ann, 3, true}, {ben, 70, false}});
  add("apple", {{ann, 40, true}});
  add("pear", {{ann, 2, true}});
  EXPECT_GT(index.bytes(), 0u);
  batch made;
  index.write(made);
  EXPECT_EQ(index.bytes(), 0u);
  std::map<std::string, std::string> rows;
  for (const auto& [name, value, appends] : made.changes()) {
    EXPECT_TRUE(appends);
    rows[std::string{name}] = appended(name, std::string{*value});
  }
  ASSERT_EQ(rows.size(), 3u);
  const auto first = read_index(rows[index_name(fruits, {ann, 2, true})]);
  ASSERT_TRUE(first);
  ASSERT_EQ(first->size(), 2u);
  EXPECT_EQ((*first)[0].place, 2u);
  EXPECT_EQ(decode_member((*first)[0].member), text("pear"));
  EXPECT_EQ(decode_member((*first)[1].member), text("fig"));
  EXPECT_EQ(read_index(rows[index_name(fruits, {ben, 70, false})])->size(), 1u);
}

TEST(Layout, HasOneFormat) {
  // What is on disk can be read by what comes later: these bytes are not to change.
  ASSERT_EQ(crdt::slot_of("fruits"), 0x3a5f);
  EXPECT_EQ(head_name(fruits), "k\x3a\x5f\x03"
                               "fruits");
  EXPECT_EQ(listed_name(fruits), "l\x03"
                                 "fruits");
  EXPECT_EQ(member_name(fruits, text("fig")), "m\x3a\x5f\x03\x06"
                                              "fruits\x02"
                                              "fig");
  const auto id = "\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x01"s;
  EXPECT_EQ(index_name(fruits, {ann, 258 * 32 + 5, true}), "e\x3a\x5f\x03\x06"
                                                           "fruits\x01" +
                                                               id + "\0\0\0\0\0\0\x01\x02"s);
  EXPECT_EQ(bytes_of_row({{ann, 3, true}}), id + "\x07");
  EXPECT_EQ(node_row("x"), "nx");
}

} // namespace
} // namespace starling::storage
