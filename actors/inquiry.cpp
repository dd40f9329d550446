#include "actors/inquiry.hpp"

#include "actors/end_on_error.hpp"
#include "replication/confirmation.hpp"
#include "storage/tally_rows.hpp"
#include "system/log.hpp"

#include <caf/disposable.hpp>
#include <caf/send.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <set>
#include <utility>

namespace starling::actors {

namespace {

using outcome = replication::confirmation::outcome;

// Once time is up, those who are silent are asked so much more rarely.
constexpr int patience = 10;

class inquiry_impl : public inquiry_actor::base {
public:
  inquiry_impl(caf::actor_config& cfg, inquiry_context context)
      : inquiry_actor::base(cfg), context_(std::move(context)),
        unresolved_(context_.seeds.begin(), context_.seeds.end()),
        question_(replication::encode_question(context_.replica)),
        asked_(context_.changes, context_.witnesses, context_.members) {
    end_process_on_error(this);
    for (const auto& seed : unresolved_)
      asked_.add(place_of(seed));
  }

  const char* name() const override { return "inquiry"; }

  void on_exit() override {
    end_timer_.dispose();
    retry_timer_.dispose();
    if (context_.peers)
      send_exit(context_.peers, caf::exit_reason::user_shutdown);
    context_.peers = nullptr;
    context_.resolver = nullptr;
    context_.disk = nullptr;
    context_.gossip = nullptr;
  }

  behavior_type make_behavior() override {
    end_timer_ = run_delayed(context_.timeout, [this] { time_is_up(); });
    tell_who_is_silent();
    go_on();
    return {[this](tick_atom) { go_on(); }};
  }

private:
  void go_on() {
    for (const auto& seed : std::exchange(unresolved_, {}))
      look_up(seed);
    ask_those_who_are_due();
    retry_timer_ =
        run_delayed(is_time_up_ ? patience * context_.retry_interval : context_.retry_interval,
                    [this] { go_on(); });
  }

  /// A seed has a place among those who are asked until its addresses are known. It is no address,
  /// though the seed may be one.
  static std::string place_of(const std::string& seed) { return "seed " + seed; }
  static bool is_place(const std::string& address) { return address.starts_with("seed "); }

  void ask_those_who_are_due() {
    for (const auto& address : asked_.due())
      if (!is_place(address))
        ask(address);
  }

  void look_up(const std::string& seed) {
    request(context_.resolver, caf::infinite, resolve_atom_v, seed)
        .then(
            [this, seed](const std::vector<membership::udp_address>& all) {
              for (const auto& where : all)
                asked_.add(to_string(where));
              asked_.leave_out(place_of(seed));
              ask_those_who_are_due();
              settle();
            },
            [this, seed](const caf::error&) { unresolved_.insert(seed); });
  }

  void ask(const std::string& address) {
    request(context_.peers, caf::infinite, post_atom_v, address, std::string{inquiry_path},
            question_)
        .then([this, address](const std::string& bytes) { answered(address, bytes); },
              [this, address](const caf::error&) { asked_.failed(address); });
  }

  void answered(const std::string& address, const std::string& bytes) {
    const auto decoded = replication::decode_statement(bytes);
    const auto* said = std::get_if<replication::statement>(&decoded);
    if (said == nullptr)
      return asked_.failed(address);
    if (said->from == context_.session)
      asked_.leave_out(address);
    else
      asked_.answered(address, *said);
    settle();
  }

  void time_is_up() {
    is_time_up_ = true;
    asked_.time_is_up();
    settle();
  }

  void doubt() {
    if (std::exchange(is_doubtful_, true))
      return;
    const auto others = asked_.other_answers();
    log::warn(name(),
              "no other node can tell what this one had numbered: what is written before one does "
              "is numbered under a new replica id{}{}",
              told_.empty() ? "" : "; no answer from " + told_,
              others == 0
                  ? ""
                  : "; " + std::to_string(others) + " that answered may have lost what they knew");
    anon_send(context_.disk, doubt_atom_v);
    if (context_.gossip)
      anon_send(context_.gossip, doubt_atom_v);
  }

  /// For display.
  void tell_who_is_silent() {
    constexpr std::size_t most = 8;
    const auto silent = asked_.silent();
    std::string names;
    for (std::size_t i = 0; i < std::min(silent.size(), most); ++i)
      names += (i > 0 ? ", " : "") + silent[i];
    if (silent.size() > most)
      names += " and " + std::to_string(silent.size() - most) + " more";
    if (std::exchange(told_, names) != names)
      anon_send(context_.disk, question_atom_v, std::move(names));
  }

  /// Whether it is settled.
  bool settle() {
    switch (asked_.result()) {
    case outcome::open:
      tell_who_is_silent();
      return false;
    case outcome::doubtful:
      tell_who_is_silent();
      doubt();
      return false;
    case outcome::sure:
      if (const auto silent = asked_.silent().size(); silent > 0)
        log::info(name(), "{} others know of nothing later of this node; {} do not answer",
                  asked_.testimonies(), silent);
      anon_send(context_.disk, confirm_atom_v);
      if (context_.gossip)
        anon_send(context_.gossip, confirm_atom_v);
      break;
    case outcome::set_back:
      anon_send(context_.disk, renew_atom_v, context_.replica,
                storage::renewal{storage::renewal::cause::set_back, what_others_know()});
      break;
    }
    quit();
    return true;
  }

  std::string what_others_know() const {
    if (asked_.highest() == storage::given_up_for_good)
      return "another node knows that this id was given up, for its disk was damaged";
    return "another node knows of " + std::to_string(asked_.highest()) +
           " changes of this one, its disk only of " + std::to_string(context_.changes);
  }

  inquiry_context context_;
  std::set<std::string> unresolved_; // seeds
  std::string question_;
  replication::confirmation asked_;
  std::string told_; // who is silent
  bool is_time_up_ = false;
  bool is_doubtful_ = false;
  caf::disposable end_timer_;
  caf::disposable retry_timer_;
};

} // namespace

inquiry_actor spawn_inquiry(caf::actor_system& sys, const inquiry_context& context) {
  return sys.spawn<inquiry_impl>(context);
}

} // namespace starling::actors
