"""What every service shares: settings, jobs, records, stores, clients. Imports none of its neighbours."""
