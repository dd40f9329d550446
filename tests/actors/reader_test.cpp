#include "actors/reader.hpp"
#include "disk_fixture.hpp"
#include "storage/lost_keys.hpp"
#include "wire/result.hpp"

namespace starling::actors {
namespace {

const auto own_id = crdt::replica_id::from(1, 2);
const crdt::key visitors{crdt::type::counter, "visitors"};
const crdt::key fruits{crdt::type::set, "fruits"};

/// Rows of which none can be read.
class unreadable_store : public storage::memory_store {
public:
  std::unique_ptr<const storage::snapshot> now() const override {
    struct failing : storage::snapshot {
      wire::result<std::optional<std::string>, storage::failure>
      find(std::string_view) const override {
        return storage::failure{storage::trouble::corrupted, "bits are gone"};
      }
      wire::possible<storage::failure> scan(std::string_view, std::string_view,
                                            const visitor&) const override {
        return storage::failure{storage::trouble::corrupted, "bits are gone"};
      }
    };
    return std::make_unique<failing>();
  }
};

class ReaderActor : public actor_test {
protected:
  ReaderActor() {
    storage::held_value counter{visitors};
    change(counter, increment(5));
    storage::held_value set{fruits};
    for (const auto* name : {"apple", "fig", "pear"})
      change(set, add(name));
    whole_set = set.value();
  }

  void change(storage::held_value& value, const crdt::command& c) {
    storage::batch changed;
    value.apply(c, own_id, 0, test_digests, &changed);
    EXPECT_FALSE(rows->commit({changed}, true));
  }

  reader_actor reader(std::uint64_t whole_bytes = 1 << 20) {
    return track(make_reader(sys, rows, whole_bytes));
  }

  std::shared_ptr<counting_store> rows = std::make_shared<counting_store>();
  crdt::value whole_set;
};

TEST_F(ReaderActor, LoadsValuesAndOfLargeSetsNoRows) {
  const auto small = ask<kept_value>(reader(), load_atom_v, fruits);
  ASSERT_TRUE(small.value);
  EXPECT_EQ(small.value->value(), whole_set);
  const auto large = ask<kept_value>(reader(0), load_atom_v, fruits);
  ASSERT_TRUE(large.value);
  EXPECT_FALSE(large.value->is_whole());
  EXPECT_FALSE(ask<kept_value>(reader(), load_atom_v, crdt::key{crdt::type::set, "x"}).value);
}

TEST_F(ReaderActor, LoadsSomeRows) {
  const crdt::payload fig{crdt::payload_kind::text, "fig"};
  const auto found =
      ask<storage::some_rows>(reader(), load_atom_v, fruits, storage::wanted_rows{{fig}, {}, {}});
  const auto& members = std::get<crdt::rows_of<crdt::set_type>>(found.rows).map;
  EXPECT_EQ(members.size(), 1u);
  EXPECT_EQ(members.at(fig), whole_set.as<crdt::or_set>().rows().at(fig));
}

TEST_F(ReaderActor, ShowsWhatClientsAskFor) {
  for (const crdt::query& q :
       {crdt::query{crdt::whole_value{}}, crdt::query{crdt::member_page{"apple", 1}},
        crdt::query{crdt::one_member{{crdt::payload_kind::text, "fig"}}}})
    EXPECT_EQ(ask<crdt::view>(reader(0), read_atom_v, fruits, q), crdt::view_of(whole_set, q));
  EXPECT_EQ(ask<crdt::view>(reader(), read_atom_v, visitors, crdt::query{}), counter_view(5));
  for (const crdt::query& q : {crdt::query{}, crdt::query{crdt::member_page{}}})
    EXPECT_EQ(ask_error<crdt::view>(reader(), read_atom_v, crdt::key{crdt::type::set, "x"}, q),
              errc::no_such_key);
}

TEST_F(ReaderActor, GivesStatesKeysAndDigests) {
  EXPECT_EQ(decode_value(ask<std::string>(reader(0), state_atom_v, fruits)), whole_set);
  EXPECT_EQ(ask<std::string>(reader(), state_atom_v, crdt::key{crdt::type::set, "x"}), "");
  EXPECT_EQ(ask<std::vector<crdt::key>>(reader(), keys_atom_v, crdt::key_query{.limit = 10}),
            (std::vector{visitors, fruits}));
  const auto page =
      ask<storage::digests_page>(reader(), digests_atom_v, std::optional<crdt::key>{visitors});
  EXPECT_EQ(page, (storage::digests_page{{{fruits, test_digests.digest_of(fruits, whole_set)}}}));
}

TEST_F(ReaderActor, ListsNoKeysWhileOneMayBeLost) {
  storage::lost_keys lost;
  lost.add({crdt::type::counter, "a"});
  storage::batch noted;
  storage::put(noted, lost);
  EXPECT_FALSE(rows->commit({noted}, true));
  const auto asked = crdt::key_query{.limit = 10};
  EXPECT_EQ(ask_error<std::vector<crdt::key>>(reader(), keys_atom_v, asked), errc::being_mended);
  EXPECT_FALSE(storage::forget_lost_keys(*rows));
  EXPECT_EQ(ask<std::vector<crdt::key>>(reader(), keys_atom_v, asked).size(), 2u);
}

TEST_F(ReaderActor, FailsWhereTheDiskCannotBeRead) {
  const auto broken = track(make_reader(sys, std::make_shared<unreadable_store>()));
  const std::vector<caf::error> errors{
      ask_error<kept_value>(broken, load_atom_v, fruits),
      ask_error<storage::some_rows>(broken, load_atom_v, fruits,
                                    storage::wanted_rows{{{}}, {}, {}}),
      ask_error<crdt::view>(broken, read_atom_v, fruits, crdt::query{}),
      ask_error<crdt::view>(broken, read_atom_v, fruits, crdt::query{crdt::member_page{}}),
      ask_error<std::string>(broken, state_atom_v, fruits),
      ask_error<std::vector<crdt::key>>(broken, keys_atom_v, crdt::key_query{.limit = 1}),
      ask_error<storage::digests_page>(broken, digests_atom_v, std::optional<crdt::key>{})};
  for (const auto& why : errors) {
    EXPECT_EQ(why, errc::unreadable);
    EXPECT_EQ(reason_of(why), "bits are gone");
  }
}

TEST_F(ReaderActor, TakesAValueOfALaterFormatForNoDamage) {
  const auto name = storage::head_name(visitors);
  auto head = *std::get<0>(rows->now()->find(name));
  head[16] = 2;
  storage::batch changed;
  changed.put(name, head);
  EXPECT_FALSE(rows->commit({changed}, true));
  told_disk disk{sys};
  const auto one = track(spawn_reader(
      sys,
      {.rows = rows, .digests = test_digests, .disk = disk.handle(), .has_own_thread = false}));
  EXPECT_EQ(ask_error<kept_value>(one, load_atom_v, visitors), errc::newer_format);
  EXPECT_EQ(ask_error<crdt::view>(one, read_atom_v, visitors, crdt::query{}), errc::newer_format);
  EXPECT_EQ(ask_error<std::string>(one, state_atom_v, visitors), errc::newer_format);
  EXPECT_TRUE(disk.said().empty());
}

TEST_F(ReaderActor, TellsTheStorageActorWhatItCannotRead) {
  told_disk disk{sys};
  const auto damaged = track(spawn_reader(sys, {.rows = std::make_shared<unreadable_store>(),
                                                .whole_bytes = 0,
                                                .digests = test_digests,
                                                .disk = disk.handle(),
                                                .has_own_thread = false}));
  EXPECT_EQ(ask_error<crdt::view>(damaged, read_atom_v, visitors, crdt::query{}), errc::unreadable);
  EXPECT_EQ(ask_error<kept_value>(damaged, load_atom_v, visitors), errc::unreadable);
  const storage::failure why{storage::trouble::corrupted, "bits are gone"};
  EXPECT_EQ(disk.said(), (std::vector{why, why}));
}

} // namespace
} // namespace starling::actors
