#include "actors/backup.hpp"

#include "actors/end_on_error.hpp"
#include "actors/storage.hpp"
#include "storage/disk/backup.hpp"
#include "system/log.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <utility>

namespace starling::actors {

namespace {

class backup_impl : public backup_actor::base {
public:
  backup_impl(caf::actor_config& cfg, copier_actor copier)
      : backup_actor::base(cfg), copier_(std::move(copier)) {
    end_process_on_error(this);
  }

  const char* name() const override { return "backup"; }

  void on_exit() override { copier_ = nullptr; }

  behavior_type make_behavior() override {
    return {
        [this](back_up_atom, std::string& folder) { return begin(std::move(folder)); },
        [this](report_atom) { return last_; },
    };
  }

private:
  backup_report begin(std::string folder) {
    if (auto why = complaint_about(folder); !why.empty())
      return {std::move(folder), backup_state::refused, std::move(why)};
    log::info(name(), "copying all that is committed to {}", folder);
    last_ = {folder, backup_state::running, ""};
    request(copier_, caf::infinite, back_up_atom_v, std::move(folder))
        .then(
            [this] {
              log::info(name(), "the backup in {} is whole", last_.folder);
              last_.state = backup_state::made;
            },
            [this](const caf::error& error) {
              last_.state = backup_state::failed;
              last_.why = reason_of(error);
              log::warn(name(), "no backup in {}: {}", last_.folder, last_.why);
            });
    return last_;
  }

  std::string complaint_about(const std::string& folder) const {
    if (!copier_)
      return "this node is in memory only, so there is no data folder to copy";
    if (last_.state == backup_state::running)
      return "one is being made already, in " + last_.folder;
    if (!folder.starts_with('/') || folder.find('\0') != std::string::npos)
      return "the folder needs an absolute path";
    if (folder.size() > backup_path_bytes_max)
      return "the path is longer than " + std::to_string(backup_path_bytes_max) + " bytes";
    return "";
  }

  copier_actor copier_;
  backup_report last_;
};

class copier_impl : public copier_actor::base {
public:
  copier_impl(caf::actor_config& cfg, std::shared_ptr<storage::store> rows,
              std::string identity_file)
      : copier_actor::base(cfg), rows_(std::move(rows)), identity_file_(std::move(identity_file)) {
    end_process_on_error(this);
  }

  const char* name() const override { return "copier"; }

  void on_exit() override { rows_ = nullptr; }

  behavior_type make_behavior() override {
    return {[this](back_up_atom, const std::string& folder) -> caf::result<void> {
      if (const auto failed = storage::copy_to_backup(*rows_, identity_file_, folder))
        return to_error(*failed);
      return {};
    }};
  }

private:
  std::shared_ptr<storage::store> rows_;
  std::string identity_file_;
};

} // namespace

backup_actor spawn_backup(caf::actor_system& sys, copier_actor copier) {
  return sys.spawn<backup_impl>(std::move(copier));
}

copier_actor spawn_copier(caf::actor_system& sys, std::shared_ptr<storage::store> rows,
                          std::string identity_file) {
  return sys.spawn<copier_impl, caf::detached>(std::move(rows), std::move(identity_file));
}

} // namespace starling::actors
