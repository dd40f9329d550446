#include "sim/cluster/keeper.hpp"

#include "storage/reading.hpp"
#include "tests/storage/holed_snapshot.hpp"

#include <algorithm>

namespace starling::simulation {

namespace {

/// Whether a set knows that an event is over.
bool is_removed(const crdt::or_set& set, const crdt::payload& member, const crdt::dot& event) {
  if (set.seen().contains(event))
    return !is_live(set, member, event);
  const auto found = set.rows().find(member);
  return found != set.rows().end() && std::ranges::any_of(found->second, [&](const auto& e) {
           return e.replica == event.replica && e.number >= event.number;
         });
}

} // namespace

keeper::keeper(const crdt::key& key, const surroundings& around)
    : around_(around), core_(key, around.settings, around.self) {}

// -- requests --

keyspace::ticket keeper::ask(asker who) {
  askers_.emplace(++last_ticket_, std::move(who));
  return last_ticket_;
}

void keeper::write(std::shared_ptr<operation> what, std::function<void(bool)> then) {
  const auto command = what->what;
  const auto from = ask(written{std::move(what), std::move(then)});
  core_.add(keyspace::write_request{from, command, around_.wall()});
  go_on();
}

void keeper::join(session_id sender, const crdt::value& part, told then) {
  core_.add(keyspace::join_request{ask(std::move(then)), part, sender});
  go_on();
}

void keeper::tell_news() {
  keyspace::effects todo;
  core_.tell_news(todo);
  carry_out_all(todo);
}

/// A view of a counter or a register names no events, so their states are read.
void keeper::read(const std::optional<crdt::payload>& member, shown then) {
  const auto from = ask(std::move(then));
  if (core_.key().type != crdt::type::set)
    core_.add(keyspace::state_request{from});
  else if (member)
    core_.add(keyspace::read_request{from, crdt::one_member{*member}});
  else
    core_.add(keyspace::read_request{from, crdt::whole_value{}});
  go_on();
}

void keeper::read_state(encoded then) {
  core_.add(keyspace::state_request{ask(std::move(then))});
  go_on();
}

// -- what the core does --

void keeper::go_on() {
  keyspace::effects todo;
  while (step(todo)) {
    carry_out_all(todo);
    todo.clear();
  }
}

/// Looks at the value before and after each request that the core performs.
bool keeper::step(keyspace::effects& todo) {
  const auto* next = core_.next();
  const auto* write = next == nullptr ? nullptr : std::get_if<keyspace::write_request>(next);
  const auto* join = next == nullptr ? nullptr : std::get_if<keyspace::join_request>(next);
  if (write != nullptr) {
    auto& op = *std::get<written>(askers_.at(write->from)).what;
    op.by = around_.self; // it may have another id since the request came
    op.before = core_.held()->value();
    core_.step(todo);
    op.after = core_.held()->value();
  } else if (join != nullptr) {
    const auto removed = removed_here(join->part);
    core_.step(todo);
    check_removed(removed);
  } else {
    return core_.step(todo);
  }
  return true;
}

/// The live events of a part that are over here.
std::vector<keeper::event_of> keeper::removed_here(const crdt::value& part) const {
  std::vector<event_of> result;
  if (core_.key().type != crdt::type::set)
    return result;
  const auto& set = core_.held()->value().as<crdt::or_set>();
  for (const auto& [member, row] : part.as<crdt::or_set>().rows())
    for (const auto& e : row)
      if (e.live && is_removed(set, member, {e.replica, e.number}))
        result.emplace_back(member, crdt::dot{e.replica, e.number});
  return result;
}

void keeper::check_removed(const std::vector<event_of>& removed) {
  for (const auto& [member, event] : removed) {
    around_.log.weigh("R2");
    if (is_live(core_.held()->value().as<crdt::or_set>(), member, event))
      around_.complain("R2", to_text(core_.key()) + ": what was removed came back");
  }
}

void keeper::carry_out_all(const keyspace::effects& todo) {
  for (const auto& effect : todo)
    std::visit([this](const auto& e) { carry_out(e); }, effect);
}

// -- the disk --

/// Rows that follow from no value are a fault of ours.
void keeper::complain_unless_damaged(const surroundings& around, const storage::failure& why) {
  if (why.what != storage::holed_snapshot::met)
    around.complain("R3", why.what);
}

std::function<void()> keeper::cannot_read(const storage::failure& why) {
  complain_unless_damaged(around_, why);
  return [this, what = why.what] {
    keyspace::effects todo;
    core_.could_not_read({keyspace::reason::unreadable, what}, todo);
    carry_out_all(todo);
    go_on();
  };
}

void keeper::answer_nothing(const asker& who) {
  if (const auto* to_encode = std::get_if<encoded>(&who))
    (*to_encode)(nullptr);
  else
    std::get<shown>(who)(nullptr);
}

void keeper::carry_out(const keyspace::load_value&) {
  around_.read([this](const storage::snapshot& at) {
    auto read = storage::read_value(at, core_.key(), around_.settings.whole_bytes,
                                    around_.settings.digests);
    if (!read)
      return cannot_read(read.error());
    return std::function<void()>{[this, kept = *std::move(read)] {
      core_.loaded(kept);
      go_on();
    }};
  });
}

void keeper::carry_out(const keyspace::load_rows& e) {
  around_.read([this, wanted = e.wanted](const storage::snapshot& at) {
    auto read = storage::read_rows(at, core_.key(), wanted);
    if (!read)
      return cannot_read(read.error());
    return std::function<void()>{[this, rows = *std::move(read)] {
      core_.loaded_rows(rows);
      go_on();
    }};
  });
}

void keeper::carry_out(const keyspace::commit_change& e) {
  std::shared_ptr<operation> what;
  if (e.writer) {
    auto& write = std::get<written>(askers_.at(*e.writer));
    write.is_committing = true;
    what = write.what;
  }
  around_.commit(e.changed, what,
                 [this, number = e.number](const auto& why, std::uint64_t own_changes) {
                   keyspace::effects todo;
                   if (why)
                     core_.not_committed(number, *why, todo);
                   else
                     core_.committed(number, own_changes, todo);
                   carry_out_all(todo);
                   go_on();
                 });
}

void keeper::carry_out(const keyspace::renew_replica& e) {
  around_.renew(e.lost, [this](const std::optional<crdt::replica_id>& fresh) {
    core_.renewed(fresh);
    go_on();
  });
}

// -- answers --

void keeper::carry_out(const keyspace::spread& e) {
  around_.spread(core_.key(), e.news);
}

void keeper::carry_out(const keyspace::has_news&) {
  around_.has_news(core_.key());
}

/// Reads all of a value that is not whole in memory. The keeper may be gone by then.
void keeper::carry_out(const keyspace::read_from_disk& e) {
  auto who = std::move(askers_.extract(e.to).mapped());
  around_.read([key = core_.key(), &around = around_, who = std::move(who)](const auto& at) {
    const auto read = storage::read_value(at, key, UINT64_MAX, around.settings.digests);
    if (!read)
      complain_unless_damaged(around, read.error());
    auto all = read && *read ? (*read)->value() : crdt::value{key.type};
    return [key, &around, who, all = std::move(all), has_failed = !read] {
      if (has_failed)
        return answer_nothing(who);
      if (const auto* to_encode = std::get_if<encoded>(&who)) {
        const auto bytes = all.empty() ? std::string{} : all.encode();
        return (*to_encode)(&bytes);
      }
      around.past.check_events(key, all);
      const auto seen = contexts_of(all);
      std::get<shown>(who)(&seen);
    };
  });
}

void keeper::carry_out(const keyspace::answer& e) {
  auto who = std::move(askers_.extract(e.to).mapped());
  if (auto* write = std::get_if<written>(&who))
    answer_write(*write, e);
  else if (const auto* join = std::get_if<told>(&who))
    (*join)(std::get_if<keyspace::failure>(&e.what));
  else if (const auto* state = std::get_if<encoded>(&who))
    (*state)(std::get_if<std::string>(&e.what));
  else
    answer_read(std::get<shown>(who), e);
}

void keeper::answer_write(const written& who, const keyspace::answer& e) {
  const bool is_done = std::holds_alternative<crdt::view>(e.what);
  if (is_done && !who.is_committing)
    around_.past.note(*who.what);
  who.then(is_done);
}

void keeper::answer_read(const shown& who, const keyspace::answer& e) {
  contexts seen;
  if (const auto* why = std::get_if<keyspace::failure>(&e.what);
      why != nullptr && why->why != keyspace::reason::no_such_key)
    return who(nullptr);
  if (const auto* state = std::get_if<std::string>(&e.what); state != nullptr && !state->empty())
    around_.past.check_events(core_.key(), std::get<crdt::value>(crdt::value::decode(*state)));
  if (const auto* view = std::get_if<crdt::view>(&e.what)) {
    if (const auto* one = std::get_if<crdt::member_view>(view))
      seen.emplace(one->member, one->observed);
    if (const auto* all = std::get_if<crdt::set_view>(view))
      seen.insert(all->members.begin(), all->members.end());
    around_.past.check_contexts(core_.key(), seen);
  }
  who(&seen);
}

} // namespace starling::simulation
