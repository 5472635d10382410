"""The growth dashboard: people, activity and money by the tenant's day."""
