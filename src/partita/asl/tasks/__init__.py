"""Do the work of Task states: Lambda functions, activities, services, mocks."""
