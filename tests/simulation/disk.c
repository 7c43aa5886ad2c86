#include "simulation/disk.h"

#include <errno.h>
#include <lmdb.h>

int __real_mdb_txn_commit(MDB_txn *txn);
int __wrap_mdb_txn_commit(MDB_txn *txn);
int __real_mdb_put(MDB_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *data, unsigned flags);
int __wrap_mdb_put(MDB_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *data, unsigned flags);

static sim_disk_fault_t s_fault; //  Armed
static unsigned s_write;         //  Writes until it strikes
static sim_disk_fault_t s_met;   //  Struck

void sim_disk_arm(sim_disk_fault_t fault, unsigned write) {
    s_fault = fault;
    s_write = write;
    s_met = SIM_DISK_FINE;
}

sim_disk_fault_t sim_disk_met(void) {
    sim_disk_fault_t met = s_met;
    s_fault = s_met = SIM_DISK_FINE;
    return met;
}

int __wrap_mdb_txn_commit(MDB_txn *txn) {
    sim_disk_fault_t fault = s_fault;
    s_fault = SIM_DISK_FINE;
    if (fault == SIM_DISK_COMMIT_LOST) {
        s_met = fault;
        mdb_txn_abort(txn);
        return EIO;
    }
    int rc = __real_mdb_txn_commit(txn);
    if (fault == SIM_DISK_COMMIT_KEPT) {
        s_met = fault;
        return EIO;
    }
    return rc;
}

int __wrap_mdb_put(MDB_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *data, unsigned flags) {
    if ((s_fault == SIM_DISK_WRITE_FAILS || s_fault == SIM_DISK_MAP_FULL) && s_write-- == 0) {
        int rc = s_fault == SIM_DISK_MAP_FULL ? MDB_MAP_FULL : EIO;
        s_met = s_fault;
        s_fault = SIM_DISK_FINE;
        return rc;
    }
    return __real_mdb_put(txn, dbi, key, data, flags);
}
